#include "stfcube/models/accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "stfcube/models/window_similarity.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr AccuracyMeasure measures[] = {
    {"rmse", "RMSE", 5, &Accuracy::rmse},
    {"pooled_rmse", "pooled", 5, &Accuracy::pooled_rmse},
    {"mae", "MAE", 5, &Accuracy::mae},
    {"ad", "AD", 5, &Accuracy::ad},
    {"abs_ad", "|AD|", 0, &Accuracy::abs_ad},
    {"nrmse", "NRMSE", 4, &Accuracy::nrmse},
    {"cc", "CC", 4, &Accuracy::cc},
    {"r2", "R2", 4, &Accuracy::r2},
    {"psnr", "PSNR", 2, &Accuracy::psnr},
    {"ssim_local", "SSIM", 4, &Accuracy::ssim_local},
    {"ssim_global", "SSIMglobal", 4, &Accuracy::ssim_global},
    {"uiqi", "UIQI", 4, &Accuracy::uiqi},
    {"sam", "SAM", 3, &Accuracy::sam},
    {"ergas", "ERGAS", 3, &Accuracy::ergas},
};

/// n times the (co)variance: sum of xy about the means. Exact up to the last step. Taking the whole part of
/// the means first keeps every number as large as the sums themselves; n * sum of squares would overflow for
/// large areas.
double centred(ExactSum n, ExactSum x, ExactSum y, ExactSum xy) {
  ExactSum const mean_x = x / n;
  ExactSum const mean_y = y / n;
  ExactSum const about_whole = xy - mean_x * y - mean_y * x + n * mean_x * mean_y;
  double const rest_x = static_cast<double>(x - n * mean_x);
  double const rest_y = static_cast<double>(y - n * mean_y);
  return static_cast<double>(about_whole) - rest_x * rest_y / static_cast<double>(n);
}

ExactSum squared_errors(BandSums const& sums) {
  // Without signs, where parts of a formula may wrap around: only the result has to fit.
  auto const wrapping = [](ExactSum sum) { return static_cast<unsigned __int128>(sum); };
  return static_cast<ExactSum>(wrapping(sums.prediction_squares) - 2 * wrapping(sums.products) +
                               wrapping(sums.reference_squares));
}

/// Mean in the values' unit.
double mean(ExactSum total, ExactSum n) {
  return n == 0 ? Accuracy::undefined : static_cast<double>(total) / static_cast<double>(n) / nano_per_one;
}

/// Root of the mean of squares, in the values' unit.
double root_mean(ExactSum squares, ExactSum n) {
  return n == 0 ? Accuracy::undefined
                : std::sqrt(static_cast<double>(squares) / static_cast<double>(n)) / nano_per_one;
}

double mean_of_windows(ExactSum total, ExactSum windows) {
  return windows == 0 ? Accuracy::undefined
                      : static_cast<double>(total) / static_cast<double>(windows) / window_steps_per_one;
}

double quotient(double numerator, double denominator) {
  return denominator == 0 ? Accuracy::undefined : numerator / denominator;
}

double psnr(double rmse, double largest) {
  return 20 * std::log10(largest / rmse);
}

/// SSIM with the whole image as its one window.
double ssim_of_image(BandSums const& s, double data_range) {
  double const unit = static_cast<double>(s.pixels) * nano_per_one * nano_per_one;
  double const variances = (centred(s.pixels, s.reference, s.reference, s.reference_squares) +
                            centred(s.pixels, s.prediction, s.prediction, s.prediction_squares)) /
                           unit;
  double const covariance = centred(s.pixels, s.reference, s.prediction, s.products) / unit;
  double const y = mean(s.reference, s.pixels);
  double const p = mean(s.prediction, s.pixels);
  double const c1 = std::pow(0.01 * data_range, 2);
  double const c2 = std::pow(0.03 * data_range, 2);
  return ((2 * y * p + c1) * (2 * covariance + c2)) / ((y * y + p * p + c1) * (variances + c2));
}

/// The angle between two spectra; nothing when one of them is zero. The arctangent form of arccos: exact zero
/// for proportional spectra, and no loss of digits for small angles.
bool spectral_angle(std::vector<double> const& y, std::vector<double> const& p, double& angle) {
  double dot = 0, y_norm = 0, p_norm = 0, cross = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    dot += y[i] * p[i];
    y_norm += y[i] * y[i];
    p_norm += p[i] * p[i];
    for (std::size_t j = i + 1; j < y.size(); ++j) {
      double const minor = y[i] * p[j] - y[j] * p[i];
      cross += minor * minor;
    }
  }
  if (y_norm == 0 || p_norm == 0) return false;
  angle = std::atan2(std::sqrt(cross), dot);
  return true;
}

double defined_mean(std::span<Accuracy const> parts, double Accuracy::*value) {
  double sum = 0;
  int count = 0;
  for (Accuracy const& part : parts) {
    if (std::isnan(part.*value)) continue;
    sum += part.*value;
    ++count;
  }
  return count == 0 ? Accuracy::undefined : sum / count;
}

double ergas(std::span<BandSums const> bands, double ratio) {
  double sum = 0;
  for (BandSums const& band : bands) {
    double const relative =
        quotient(root_mean(squared_errors(band), band.pixels), mean(band.reference, band.pixels));
    sum += relative * relative;
  }
  return 100 / ratio * std::sqrt(sum / static_cast<double>(bands.size()));
}

}  // namespace

Nano to_nano(double value) {
  return std::llround(value * nano_per_one);
}

void BandSums::merge(BandSums const& other) {
  pixels += other.pixels;
  reference += other.reference;
  prediction += other.prediction;
  reference_squares += other.reference_squares;
  prediction_squares += other.prediction_squares;
  products += other.products;
  absolute_errors += other.absolute_errors;
  reference_lowest = std::min(reference_lowest, other.reference_lowest);
  reference_highest = std::max(reference_highest, other.reference_highest);
  ssim += other.ssim;
  ssim_windows += other.ssim_windows;
  uiqi += other.uiqi;
  uiqi_windows += other.uiqi_windows;
}

void ImageSums::merge(ImageSums const& other) {
  bands.resize(std::max(bands.size(), other.bands.size()));
  for (std::size_t b = 0; b < other.bands.size(); ++b) bands[b].merge(other.bands[b]);
  angles += other.angles;
  angle_pixels += other.angle_pixels;
}

std::string ImageSums::pack() const {
  ExactSum const head[] = {angles, angle_pixels};
  std::string bytes(reinterpret_cast<char const*>(head), sizeof head);
  bytes.append(reinterpret_cast<char const*>(bands.data()), bands.size() * sizeof(BandSums));
  return bytes;
}

ImageSums ImageSums::unpack(std::string_view bytes) {
  ExactSum head[2];
  ensure(bytes.size() >= sizeof head && (bytes.size() - sizeof head) % sizeof(BandSums) == 0,
         "packed sums are whole");
  std::memcpy(head, bytes.data(), sizeof head);
  ImageSums sums;
  sums.angles = head[0];
  sums.angle_pixels = head[1];
  sums.bands.resize((bytes.size() - sizeof head) / sizeof(BandSums));
  std::memcpy(sums.bands.data(), bytes.data() + sizeof head, bytes.size() - sizeof head);
  return sums;
}

BandSums band_sums(PairedTile const& tile, int band, double data_range) {
  auto const& reference = tile.reference[static_cast<std::size_t>(band)];
  auto const& prediction = tile.prediction[static_cast<std::size_t>(band)];
  BandSums sums;
  for (int row = 0; row < tile.core_height; ++row) {
    std::size_t const first = static_cast<std::size_t>(row) * static_cast<std::size_t>(tile.width);
    for (std::size_t at = first; at < first + static_cast<std::size_t>(tile.core_width); ++at) {
      if (!tile.valid[at]) continue;
      ExactSum const y = reference[at];
      ExactSum const p = prediction[at];
      ++sums.pixels;
      sums.reference += y;
      sums.prediction += p;
      sums.reference_squares += y * y;
      sums.prediction_squares += p * p;
      sums.products += y * p;
      sums.absolute_errors += y < p ? p - y : y - p;
      sums.reference_lowest = std::min(sums.reference_lowest, reference[at]);
      sums.reference_highest = std::max(sums.reference_highest, reference[at]);
    }
  }
  PairedPlane const plane{tile.width, tile.height, tile.core_width, tile.core_height,
                          tile.valid, reference,   prediction};
  WindowSum const ssim = ssim_windows(plane, data_range);
  WindowSum const uiqi = uiqi_windows(plane);
  sums.ssim = ssim.total;
  sums.ssim_windows = ssim.windows;
  sums.uiqi = uiqi.total;
  sums.uiqi_windows = uiqi.windows;
  return sums;
}

void add_spectral_angles(PairedTile const& tile, ImageSums& sums) {
  std::size_t const bands = tile.reference.size();
  std::vector<double> y(bands), p(bands);
  for (int row = 0; row < tile.core_height; ++row) {
    std::size_t const first = static_cast<std::size_t>(row) * static_cast<std::size_t>(tile.width);
    for (std::size_t at = first; at < first + static_cast<std::size_t>(tile.core_width); ++at) {
      if (!tile.valid[at]) continue;
      for (std::size_t b = 0; b < bands; ++b) {
        y[b] = static_cast<double>(tile.reference[b][at]);
        p[b] = static_cast<double>(tile.prediction[b][at]);
      }
      double angle = 0;
      if (!spectral_angle(y, p, angle)) continue;
      sums.angles += std::llround(angle * window_steps_per_one);
      ++sums.angle_pixels;
    }
  }
}

std::span<AccuracyMeasure const> accuracy_measures() {
  return measures;
}

Accuracy band_accuracy(BandSums const& s, AccuracyScale const& scale) {
  Accuracy accuracy;
  accuracy.pixels = static_cast<std::int64_t>(s.pixels);
  if (s.pixels == 0) return accuracy;
  double const y_spread = centred(s.pixels, s.reference, s.reference, s.reference_squares);
  double const p_spread = centred(s.pixels, s.prediction, s.prediction, s.prediction_squares);
  double const common = centred(s.pixels, s.reference, s.prediction, s.products);
  accuracy.rmse = root_mean(squared_errors(s), s.pixels);
  accuracy.pooled_rmse = accuracy.rmse;
  accuracy.mae = mean(s.absolute_errors, s.pixels);
  accuracy.ad = mean(s.prediction - s.reference, s.pixels);
  accuracy.abs_ad = std::abs(accuracy.ad);
  accuracy.nrmse =
      quotient(accuracy.rmse * nano_per_one, static_cast<double>(s.reference_highest - s.reference_lowest));
  accuracy.cc = std::clamp(quotient(common, std::sqrt(y_spread * p_spread)), -1.0, 1.0);
  accuracy.r2 = 1 - quotient(static_cast<double>(squared_errors(s)), y_spread);
  accuracy.psnr = psnr(accuracy.rmse, scale.data_range);
  accuracy.ssim_local = mean_of_windows(s.ssim, s.ssim_windows);
  accuracy.ssim_global = ssim_of_image(s, scale.data_range);
  accuracy.uiqi = mean_of_windows(s.uiqi, s.uiqi_windows);
  accuracy.ergas = ergas({&s, 1}, scale.ratio);
  return accuracy;
}

Accuracy image_accuracy(ImageSums const& sums, AccuracyScale const& scale) {
  std::vector<Accuracy> bands;
  for (BandSums const& band : sums.bands) bands.push_back(band_accuracy(band, scale));
  Accuracy accuracy = mean_accuracy(bands, sums.bands);
  accuracy.pixels = bands.empty() ? 0 : bands.front().pixels;
  accuracy.psnr = psnr(accuracy.pooled_rmse, scale.data_range);
  accuracy.ergas = ergas(sums.bands, scale.ratio);
  if (sums.angle_pixels > 0 && sums.bands.size() > 1) {
    accuracy.sam = mean_of_windows(sums.angles, sums.angle_pixels) * 180 / std::numbers::pi;
  }
  return accuracy;
}

Accuracy mean_accuracy(std::span<Accuracy const> parts, std::span<BandSums const> pooled) {
  Accuracy accuracy;
  for (AccuracyMeasure const& measure : measures)
    accuracy.*measure.value = defined_mean(parts, measure.value);
  ExactSum squares = 0, n = 0;
  for (BandSums const& band : pooled) {
    squares += squared_errors(band);
    n += band.pixels;
  }
  accuracy.pooled_rmse = root_mean(squares, n);
  return accuracy;
}

}  // namespace stfcube
