#include "stfcube/models/accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace stfcube {
namespace {

constexpr AccuracyMeasure measures[] = {
    {"rmse", "RMSE", 5, &Accuracy::rmse},
    {"pooled_rmse", "pooled", 5, &Accuracy::pooled_rmse},
    {"mae", "MAE", 5, &Accuracy::mae},
    {"rmae", "rMAE", 0, &Accuracy::rmae},
    {"ad", "AD", 5, &Accuracy::ad},
    {"abs_ad", "|AD|", 0, &Accuracy::abs_ad},
    {"nrmse", "NRMSE", 4, &Accuracy::nrmse},
    {"cc", "CC", 4, &Accuracy::cc},
    {"cc2", "CC2", 0, &Accuracy::cc2},
    {"r2", "R2", 4, &Accuracy::r2},
    {"ia", "IA", 0, &Accuracy::ia},
    {"psnr", "PSNR", 2, &Accuracy::psnr},
    {"ssim_local", "SSIM", 4, &Accuracy::ssim_local},
    {"ssim_p", "SSIM_p", 0, &Accuracy::ssim_p},
    {"ssim_global", "SSIMglobal", 4, &Accuracy::ssim_global},
    {"uiqi", "UIQI", 4, &Accuracy::uiqi},
    {"uiqi_global", "UIQIglobal", 0, &Accuracy::uiqi_global},
    {"scc", "sCC", 0, &Accuracy::scc},
    {"edge", "Edge", 0, &Accuracy::edge},
    {"sam", "SAM", 3, &Accuracy::sam},
    {"ergas", "ERGAS", 3, &Accuracy::ergas},
    {"rase", "RASE", 0, &Accuracy::rase},
    {"within_sigma", "in sigma", 4, &Accuracy::within_sigma, true},
    {"mean_sigma", "sigma", 5, &Accuracy::mean_sigma, true},
    {"coarse_rmse", "coarse", 5, &Accuracy::coarse_rmse, true},
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

double correlation(double common, double y_spread, double p_spread) {
  return std::clamp(quotient(common, std::sqrt(y_spread * p_spread)), -1.0, 1.0);
}

double psnr(double rmse, double largest) {
  return 20 * std::log10(largest / rmse);
}

/// SSIM with the whole image as its one window. With data_range 0 it is UIQI.
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
  return quotient((2 * y * p + c1) * (2 * covariance + c2), (y * y + p * p + c1) * (variances + c2));
}

double laplacian_correlation(BandSums const& s) {
  if (s.laplacians == 0) return Accuracy::undefined;
  ExactSum const n = s.laplacians;
  double const y_spread =
      centred(n, s.reference_laplacian, s.reference_laplacian, s.reference_laplacian_squares);
  double const p_spread =
      centred(n, s.prediction_laplacian, s.prediction_laplacian, s.prediction_laplacian_squares);
  double const common = centred(n, s.reference_laplacian, s.prediction_laplacian, s.laplacian_products);
  return correlation(common, y_spread, p_spread);
}

void add_sigma(BandSums const& s, Accuracy& accuracy) {
  if (s.sigma_pixels == 0) return;
  accuracy.within_sigma = static_cast<double>(s.within_sigma) / static_cast<double>(s.sigma_pixels);
  accuracy.mean_sigma = mean(s.sigma, s.sigma_pixels);
}

double coarse_rmse(BandSums const& s, int cell_px) {
  return root_mean(s.coarse_squares, s.coarse_cells) / (double{1} * cell_px * cell_px);
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

/// Of the bands together, as a share of their mean brightness.
double rase(std::span<BandSums const> bands) {
  double squares = 0, brightness = 0;
  for (BandSums const& band : bands) {
    double const rmse = root_mean(squared_errors(band), band.pixels);
    squares += rmse * rmse;
    brightness += mean(band.reference, band.pixels);
  }
  double const count = static_cast<double>(bands.size());
  return 100 * quotient(std::sqrt(squares / count), brightness / count);
}

}  // namespace

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
  accuracy.rmae = quotient(accuracy.mae, mean(s.reference, s.pixels));
  accuracy.ad = mean(s.prediction - s.reference, s.pixels);
  accuracy.abs_ad = std::abs(accuracy.ad);
  accuracy.nrmse =
      quotient(accuracy.rmse * nano_per_one, static_cast<double>(s.reference_highest - s.reference_lowest));
  accuracy.cc = correlation(common, y_spread, p_spread);
  accuracy.cc2 = accuracy.cc * accuracy.cc;
  accuracy.r2 = 1 - quotient(static_cast<double>(squared_errors(s)), y_spread);
  accuracy.ia =
      1 - quotient(static_cast<double>(squared_errors(s)), static_cast<double>(s.deviation_squares));
  accuracy.psnr = psnr(accuracy.rmse, scale.data_range);
  accuracy.ssim_local = mean_of_windows(s.ssim, s.ssim_windows);
  accuracy.ssim_global = ssim_of_image(s, scale.data_range);
  accuracy.uiqi = mean_of_windows(s.uiqi, s.uiqi_windows);
  accuracy.ssim_p = mean_of_windows(s.ssim_spread, s.ssim_spread_windows);
  accuracy.uiqi_global = ssim_of_image(s, 0);
  accuracy.scc = laplacian_correlation(s);
  accuracy.edge = mean_of_windows(s.edge, s.edge_pixels);
  accuracy.ergas = ergas({&s, 1}, scale.ratio);
  accuracy.rase = rase({&s, 1});
  add_sigma(s, accuracy);
  accuracy.coarse_rmse = coarse_rmse(s, scale.coarse_cell_px);
  return accuracy;
}

Accuracy image_accuracy(ImageSums const& sums, AccuracyScale const& scale) {
  std::vector<Accuracy> bands;
  for (BandSums const& band : sums.bands) bands.push_back(band_accuracy(band, scale));
  Accuracy accuracy = mean_accuracy(bands, sums.bands);
  accuracy.pixels = bands.empty() ? 0 : bands.front().pixels;
  accuracy.psnr = psnr(accuracy.pooled_rmse, scale.data_range);
  accuracy.ergas = ergas(sums.bands, scale.ratio);
  if (!sums.bands.empty()) accuracy.rase = rase(sums.bands);
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
