#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stfcube/models/accuracy_sums.hpp"

namespace stfcube {

/// Numbers that belong to the comparison, not to pixels.
struct AccuracyScale {
  double data_range = 1;  ///< L of SSIM, MAX of PSNR
  double ratio =
      std::numeric_limits<double>::quiet_NaN();  ///< coarse / fine pixel size, for ERGAS; NaN: not known
  int coarse_cell_px = 0;  ///< fine pixels per side of a cell of the coarse images; 0: there are none
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
  double rmae = undefined;    ///< MAE / mean reference value
  double ad = undefined;      ///< mean of prediction - reference
  double abs_ad = undefined;  ///< |ad| of a band; its mean elsewhere
  double nrmse = undefined;   ///< RMSE / (highest - lowest reference value)
  double cc = undefined;
  double cc2 = undefined;   ///< squared correlation
  double r2 = undefined;    ///< 1 - SSres / SStot
  double ia = undefined;    ///< index of agreement
  double psnr = undefined;  ///< infinite for equal images
  double ssim_local = undefined;
  double ssim_p = undefined;  ///< SSIM whose range is that between percentiles of the reference
  double ssim_global = undefined;
  double uiqi = undefined;
  double uiqi_global = undefined;
  double scc = undefined;   ///< correlation of Laplacians
  double edge = undefined;  ///< negative: too smooth
  double sam = undefined;   ///< of all bands together; undefined for one band
  double ergas = undefined;
  double rase = undefined;
  double within_sigma = undefined;  ///< share of pixels whose error is at most the told standard deviation
  double mean_sigma = undefined;
  double coarse_rmse = undefined;  ///< of cell means of the prediction against the coarse image
};

/// One measure: how it is called in JSON and CSV, in the table, and how many decimals the table shows (0: not
/// in it).
struct AccuracyMeasure {
  std::string_view key, title;
  int decimals;
  double Accuracy::*value;
  bool only_known = false;  ///< the table leaves the column out where nothing is known of it
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
