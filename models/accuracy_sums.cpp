#include "stfcube/models/accuracy_sums.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "stfcube/models/window_similarity.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr ExactSum BandSums::*additive_sums[] = {&BandSums::pixels,
                                                 &BandSums::reference,
                                                 &BandSums::prediction,
                                                 &BandSums::reference_squares,
                                                 &BandSums::prediction_squares,
                                                 &BandSums::products,
                                                 &BandSums::absolute_errors,
                                                 &BandSums::deviation_squares,
                                                 &BandSums::sigma,
                                                 &BandSums::sigma_pixels,
                                                 &BandSums::within_sigma,
                                                 &BandSums::ssim,
                                                 &BandSums::ssim_windows,
                                                 &BandSums::ssim_spread,
                                                 &BandSums::ssim_spread_windows,
                                                 &BandSums::uiqi,
                                                 &BandSums::uiqi_windows,
                                                 &BandSums::edge,
                                                 &BandSums::edge_pixels,
                                                 &BandSums::laplacians,
                                                 &BandSums::reference_laplacian,
                                                 &BandSums::prediction_laplacian,
                                                 &BandSums::reference_laplacian_squares,
                                                 &BandSums::prediction_laplacian_squares,
                                                 &BandSums::laplacian_products,
                                                 &BandSums::coarse_cells,
                                                 &BandSums::coarse_squares};
// Whoever adds a sum adds it above.
static_assert(std::size(additive_sums) * sizeof(ExactSum) + 2 * sizeof(Nano) == sizeof(BandSums));

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

/// Calls `body(pixel of the tile, bin)` for every valid pixel of the core that belongs to a bin.
template <class Body>
void for_pixels(PairedTile const& tile, PixelBins bins, Body const& body) {
  for (int row = 0; row < tile.core_height; ++row) {
    std::size_t const first = static_cast<std::size_t>(row) * static_cast<std::size_t>(tile.width);
    for (std::size_t at = first; at < first + static_cast<std::size_t>(tile.core_width); ++at) {
      int const bin = bins.empty() ? 0 : bins[at];
      if (tile.valid[at] && bin >= 0) body(at, static_cast<std::size_t>(bin));
    }
  }
}

void add_pixel(BandSums& sums, Nano reference, Nano prediction, Nano mean) {
  ExactSum const y = reference;
  ExactSum const p = prediction;
  ExactSum const deviation = std::abs(prediction - mean) + std::abs(reference - mean);
  ++sums.pixels;
  sums.reference += y;
  sums.prediction += p;
  sums.reference_squares += y * y;
  sums.prediction_squares += p * p;
  sums.products += y * p;
  sums.absolute_errors += y < p ? p - y : y - p;
  sums.deviation_squares += deviation * deviation;
  sums.reference_lowest = std::min(sums.reference_lowest, reference);
  sums.reference_highest = std::max(sums.reference_highest, reference);
}

void add_sigma(BandSums& sums, Nano reference, Nano prediction, Nano sigma) {
  if (sigma < 0) return;
  ++sums.sigma_pixels;
  sums.sigma += sigma;
  sums.within_sigma += std::abs(prediction - reference) <= sigma ? 1 : 0;
}

void add_windows(PairedTile const& tile, int band, double data_range, ReferenceLevels const& levels,
                 BandSums& sums) {
  auto const b = static_cast<std::size_t>(band);
  PairedPlane const plane{tile.width, tile.height,       tile.core_width,   tile.core_height,
                          tile.valid, tile.reference[b], tile.prediction[b]};
  std::array<double, 2> const ranges{data_range, levels.high - levels.low};
  auto const ssim = ssim_windows(plane, ranges);
  WindowSum const uiqi = uiqi_windows(plane);
  WindowSum const edge = edge_windows(plane);
  sums.ssim = ssim[0].total;
  sums.ssim_windows = ssim[0].windows;
  sums.ssim_spread = ssim[1].total;
  sums.ssim_spread_windows = ssim[1].windows;
  sums.uiqi = uiqi.total;
  sums.uiqi_windows = uiqi.windows;
  sums.edge = edge.total;
  sums.edge_pixels = edge.windows;
  add_laplacians(plane, sums);
}

/// The sum of the prediction over a cell; nothing when a pixel does not count.
bool cell_sum(PairedTile const& tile, std::size_t band, int x0, int y0, ExactSum& sum) {
  sum = 0;
  for (int y = y0; y < y0 + tile.coarse.cell_px; ++y) {
    for (int x = x0; x < x0 + tile.coarse.cell_px; ++x) {
      auto const at =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(tile.width) + static_cast<std::size_t>(x);
      if (!tile.valid[at]) return false;
      sum += tile.prediction[band][at];
    }
  }
  return true;
}

void add_coarse_cells(PairedTile const& tile, int band, BandSums& sums) {
  CoarseCells const& coarse = tile.coarse;
  auto const b = static_cast<std::size_t>(band);
  for (int row = 0; row < coarse.rows; ++row) {
    for (int column = 0; column < coarse.columns; ++column) {
      auto const cell = static_cast<std::size_t>(row) * static_cast<std::size_t>(coarse.columns) +
                        static_cast<std::size_t>(column);
      ExactSum sum = 0;
      if (!coarse.valid[cell] || !cell_sum(tile, b, coarse.first_x + column * coarse.cell_px,
                                           coarse.first_y + row * coarse.cell_px, sum)) {
        continue;
      }
      ExactSum const error = sum - ExactSum{coarse.cell_px} * coarse.cell_px * coarse.values[b][cell];
      ++sums.coarse_cells;
      sums.coarse_squares += error * error;
    }
  }
}

}  // namespace

Nano to_nano(double value) {
  return std::llround(value * nano_per_one);
}

void BandSums::merge(BandSums const& other) {
  for (ExactSum BandSums::*sum : additive_sums) this->*sum += other.*sum;
  reference_lowest = std::min(reference_lowest, other.reference_lowest);
  reference_highest = std::max(reference_highest, other.reference_highest);
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

void add_pixels(PairedTile const& tile, int band, ReferenceLevels const& levels, PixelBins bins,
                std::span<BandSums> sums) {
  auto const b = static_cast<std::size_t>(band);
  auto const& reference = tile.reference[b];
  auto const& prediction = tile.prediction[b];
  for_pixels(tile, bins, [&](std::size_t at, std::size_t bin) {
    add_pixel(sums[bin], reference[at], prediction[at], levels.mean);
  });
  if (tile.sigma.empty()) return;
  for_pixels(tile, bins, [&](std::size_t at, std::size_t bin) {
    add_sigma(sums[bin], reference[at], prediction[at], tile.sigma[b][at]);
  });
}

BandSums band_sums(PairedTile const& tile, int band, double data_range, ReferenceLevels const& levels) {
  BandSums sums;
  add_windows(tile, band, data_range, levels, sums);
  add_coarse_cells(tile, band, sums);
  add_pixels(tile, band, levels, {}, {&sums, 1});
  return sums;
}

void add_spectral_angles(PairedTile const& tile, PixelBins bins, std::span<ImageSums> sums) {
  std::size_t const bands = tile.reference.size();
  std::vector<double> y(bands), p(bands);
  for_pixels(tile, bins, [&](std::size_t at, std::size_t bin) {
    for (std::size_t b = 0; b < bands; ++b) {
      y[b] = static_cast<double>(tile.reference[b][at]);
      p[b] = static_cast<double>(tile.prediction[b][at]);
    }
    double angle = 0;
    if (!spectral_angle(y, p, angle)) return;
    sums[bin].angles += std::llround(angle * window_steps_per_one);
    ++sums[bin].angle_pixels;
  });
}

}  // namespace stfcube
