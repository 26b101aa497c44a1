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

/// A reference and a prediction over one rectangle, band by band, row-major.
struct PairedTile {
  int width = 0, height = 0;  ///< pixels held
  int core_width = 0,
      core_height =
          0;  ///< upper left part: its pixels, and the windows whose upper left pixel it holds, count
  std::vector<std::uint8_t> valid;                       ///< 1: every band of both images is valid
  std::vector<std::vector<Nano>> reference, prediction;  ///< 0 where not valid
};

/// What one band adds up to over any set of pixels. Mergeable in any order.
struct BandSums {
  ExactSum pixels = 0;
  ExactSum reference = 0, prediction = 0, reference_squares = 0, prediction_squares = 0, products = 0;
  ExactSum absolute_errors = 0;
  Nano reference_lowest = std::numeric_limits<Nano>::max();
  Nano reference_highest = std::numeric_limits<Nano>::min();
  ExactSum ssim = 0, ssim_windows = 0;  ///< sum in steps of 2^-52
  ExactSum uiqi = 0, uiqi_windows = 0;

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

/// Sums of one band of the tile's core. Pure. @param data_range L of SSIM, in the values' unit
BandSums band_sums(PairedTile const& tile, int band, double data_range);

/// Adds the spectral angles of the tile's core to `sums`.
void add_spectral_angles(PairedTile const& tile, ImageSums& sums);

/// Numbers that belong to the comparison, not to pixels.
struct AccuracyScale {
  double data_range = 1;  ///< L of SSIM, MAX of PSNR
  double ratio =
      std::numeric_limits<double>::quiet_NaN();  ///< coarse / fine pixel size, for ERGAS; NaN: not known
};

/// Measures of accuracy (docs/evaluation.md). NaN = undefined. Units of the values; PSNR in dB, SAM in
/// degrees.
/// @source specs: metrics.md, sections 1, 3 and 4
struct Accuracy {
  static constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

  std::int64_t pixels = 0;
  double rmse = undefined;         ///< of a band; the mean over bands and dates elsewhere
  double pooled_rmse = undefined;  ///< root of the mean over all pixels, bands and dates
  double mae = undefined;
  double ad = undefined;      ///< mean of prediction - reference
  double abs_ad = undefined;  ///< |ad| of a band; its mean elsewhere
  double nrmse = undefined;   ///< RMSE / (highest - lowest reference value)
  double cc = undefined;
  double r2 = undefined;    ///< 1 - SSres / SStot
  double psnr = undefined;  ///< infinite for equal images
  double ssim_local = undefined;
  double ssim_global = undefined;
  double uiqi = undefined;
  double sam = undefined;  ///< of all bands together; undefined for one band
  double ergas = undefined;
};

/// One measure: how it is called in JSON and CSV, in the table, and how many decimals the table shows (0: not
/// in it).
struct AccuracyMeasure {
  std::string_view key, title;
  int decimals;
  double Accuracy::*value;
};

/// All measures in the order of the table.
std::span<AccuracyMeasure const> accuracy_measures();

/// One band of one pair of images.
Accuracy band_accuracy(BandSums const& sums, AccuracyScale const& scale);

/// All bands of one pair of images: means over bands where defined; PSNR of the pooled squared error, SAM,
/// ERGAS.
Accuracy image_accuracy(ImageSums const& sums, AccuracyScale const& scale);

/// Means over `parts` where defined; the pooled RMSE of `pooled`, the sums behind all of them. Leaves
/// `pixels` at 0.
Accuracy mean_accuracy(std::span<Accuracy const> parts, std::span<BandSums const> pooled);

}  // namespace stfcube
