#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stfcube/models/statistics.hpp"

namespace stfcube {

/// A value in billionths. Every DN whose scale and offset have at most nine decimals is a whole number of
/// them, so that all sums below are exact integers and do not depend on tiles, threads or ranks (specs:
/// conventions, section 6).
using Nano = std::int64_t;
inline constexpr double nano_per_one = 1e9;

/// Values beyond this would make sums of squares overflow; nobody measures them, they are fill values.
inline constexpr double accuracy_largest_value = 1e5;

/// The value in billionths, half away from zero. |value| is at most accuracy_largest_value.
Nano to_nano(double value);

/// Pixels to the right and below the core that windows of the core's pixels reach.
inline constexpr int accuracy_margin_px = 10;

/// Means and angles of single windows and pixels are rounded to these steps, so that their sums have no
/// order.
inline constexpr double window_steps_per_one = 4503599627370496.0;  // 2^52

/// Coarse cells over a tile: those whose upper left pixel is in its core and that lie whole inside the tile.
struct CoarseCells {
  int cell_px = 0;               ///< side of a cell in fine pixels; 0: there is no coarse image
  int first_x = 0, first_y = 0;  ///< corner of the first cell, in pixels of the tile
  int columns = 0, rows = 0;
  std::vector<std::uint8_t> valid;        ///< every band of the cell is valid
  std::vector<std::vector<Nano>> values;  ///< [band][cell], row-major
};

/// A reference and a prediction over one rectangle, band by band, row-major.
struct PairedTile {
  int width = 0, height = 0;  ///< pixels held
  int core_width = 0,
      core_height =
          0;  ///< upper left part: its pixels, and the windows whose upper left pixel it holds, count
  std::vector<std::uint8_t> valid;                       ///< 1: every band of both images is valid
  std::vector<std::vector<Nano>> reference, prediction;  ///< 0 where not valid
  std::vector<std::vector<Nano>> sigma =
      {};  ///< told uncertainty, negative = none; empty: the prediction tells none
  CoarseCells coarse = {};
};

/// What is known of one band of a reference image before it is held against predictions: of all its valid
/// pixels, whatever was predicted, so that rivals are measured alike.
struct ReferenceLevels {
  Nano mean = 0;             ///< rounded to billionths
  double low = 0, high = 0;  ///< 0.1th and 99.9th percentile
};

/// What one band adds up to over any set of pixels. Mergeable in any order.
struct BandSums {
  ExactSum pixels = 0;
  ExactSum reference = 0, prediction = 0, reference_squares = 0, prediction_squares = 0, products = 0;
  ExactSum absolute_errors = 0;
  ExactSum deviation_squares = 0;  ///< of (|p - m| + |y - m|)^2 about the reference's mean m
  Nano reference_lowest = std::numeric_limits<Nano>::max();
  Nano reference_highest = std::numeric_limits<Nano>::min();
  ExactSum sigma = 0, sigma_pixels = 0, within_sigma = 0;

  ExactSum ssim = 0, ssim_windows = 0;                ///< sum in steps of 2^-52
  ExactSum ssim_spread = 0, ssim_spread_windows = 0;  ///< with the range of the reference's own percentiles
  ExactSum uiqi = 0, uiqi_windows = 0;
  ExactSum edge = 0, edge_pixels = 0;  ///< in steps of 2^-52
  ExactSum laplacians = 0;             ///< pixels with a Laplacian
  ExactSum reference_laplacian = 0, prediction_laplacian = 0, reference_laplacian_squares = 0,
           prediction_laplacian_squares = 0, laplacian_products = 0;
  ExactSum coarse_cells = 0,
           coarse_squares = 0;  ///< of (sum of the cell's pixels - their number x coarse value)

  void merge(BandSums const& other);
};

/// What a pair of images adds up to.
struct ImageSums {
  std::vector<BandSums> bands;
  ExactSum angles = 0, angle_pixels = 0;  ///< spectral angles, radians in steps of 2^-52

  void merge(ImageSums const& other);
  /// As bytes, for message passing between equal machines, and back.
  std::string pack() const;
  static ImageSums unpack(std::string_view bytes);
};

/// Which pixels of the tile's core are added up where: to bin 0, 1, ... of a list, or nowhere (negative).
/// Empty: every pixel to bin 0.
using PixelBins = std::span<int const>;

/// Adds one band of the tile's core, pixel by pixel, to the sums of `bins`. Measures that look at a
/// neighbourhood are left out. @param sums  one per bin
void add_pixels(PairedTile const& tile, int band, ReferenceLevels const& levels, PixelBins bins,
                std::span<BandSums> sums);

/// Sums of one band of the tile's core, windows and coarse cells included. Pure.
/// @param data_range L of SSIM, in the values' unit
BandSums band_sums(PairedTile const& tile, int band, double data_range, ReferenceLevels const& levels = {});

/// Adds the spectral angles of the tile's core to `sums`, one per bin.
void add_spectral_angles(PairedTile const& tile, PixelBins bins, std::span<ImageSums> sums);

}  // namespace stfcube
