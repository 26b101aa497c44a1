#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stfcube/models/classical/aligned_array.hpp"
#include "stfcube/models/classical/starfm_plan.hpp"
#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {

// The raster of a block holds its core pixels and the window around them. All its arrays have the same pitch;
// what lies outside the scene, or cannot be used, is no_data_dn in the fine planes and is thus never similar
// to anything.
//
// Sums run over pairs, rows and columns of the window in that order, for every pixel and target by
// themselves, so that both forms of the kernel give the same bits, on every vector width:
// - few targets: neighbouring pixels side by side in a vector, one pixel after the other from a list of those
//   that any of the neighbours keeps;
// - many targets: targets side by side, one similar pixel after the other from a list that serves all
// targets.

/// Stands for C_p - C_k where C_p is missing: larger than any change.
inline constexpr double starfm_missing_change = 1024.0 * 1024 * 1024;

/// A fine image that must be similar: |F(i) - F(0)| <= delta; -1: nothing is.
struct StarfmSimilarity {
  /// The limit of the pixel whose window begins at raster index `base`.
  int limit(std::size_t base) const { return limits == nullptr ? delta : limits[base]; }

  Dn const* fine = nullptr;  ///< raster
  int delta = -1;
  std::int32_t const* limits = nullptr;  ///< instead of delta, raster: by the first pixel of a window
};

/// One pair, in one band.
struct StarfmPairView {
  std::vector<StarfmSimilarity> similarity;
  Dn const* fine = nullptr;                   ///< raster
  std::uint16_t const* difference = nullptr;  ///< raster: S = |F - C|
  double const* change = nullptr;             ///< [cell, target]: C_p - C_k, or starfm_missing_change
  double const* damping = nullptr;  ///< [cell, target]: 1 / (T + 1) or its logarithmic form; may be absent
  std::uint8_t const* complete = nullptr;  ///< [cell]: 1 where C_p is missing for no target
};

/// What a neighbour brings to the sums.
struct StarfmSummand {
  double scale;  ///< weight times D; infinite on the plateau, where the weight is 1
  double value;  ///< F + C_p - C_k, 0 where there is none
};

/// A pair and a target, in one band: rasters of what a neighbour brings, for the form with pixels side by
/// side.
struct StarfmImages {
  Dn const* fine = nullptr;                 ///< no_data_dn where C_p is missing too
  std::uint16_t const* temporal = nullptr;  ///< T
  StarfmSummand const* summands = nullptr;
};

/// Weights of one band as tables over S or T in whole DN; 65536 entries each.
struct StarfmTables {
  double const* reciprocal = nullptr;  ///< 1 / (n + 1), or 1 / ln(n + 2)
  double const* plateau = nullptr;     ///< without T: 1 where S + 1 < sigma_c, else 0
  double const* falloff = nullptr;     ///< without T: 0 on the plateau, else reciprocal
  double const* plateau_t =
      nullptr;             ///< with T: the largest T on the plateau for that S; plateau_levels entries
  int plateau_levels = 0;  ///< with T: from this S on there is no plateau
};

/// Everything a row of pixels is predicted from, for one band of one block.
struct StarfmBlockView {
  int cols = 0;  ///< core pixels in a row
  int window = 0, before = 0, pitch = 0;
  int targets = 0;
  int stride = 0;  ///< between the cells of `change` and `damping`, a multiple of the widest vector
  std::int32_t const* cell = nullptr;        ///< raster: index of the coarse cell
  double const* inverse_distance = nullptr;  ///< 1 / D at the index of a window pixel in the raster; readable
                                             ///< from a group before the first on
  std::uint16_t const* group_reach = nullptr;  ///< [column of a group's windows]: a bit for every pixel whose
                                               ///< window reaches it, descending
  StarfmTables tables;
  double spectral = 0, temporal = 0, combined = 0,
         variance = 0;     ///< thresholds in DN; variance of one summand
  double distance_px = 0;  ///< A
  Quantity range;          ///< of predictions
  bool both_tests = false, centre_max = false, log_weights = false;
  std::vector<StarfmPairView> pairs;
  std::vector<StarfmPlan const*> plans;  ///< per core pixel, row-major
  std::vector<StarfmImages> images;      ///< [target, pair, use_t]; empty: targets side by side

  std::size_t image_index(int target, int pair, bool use_t) const {
    return (static_cast<std::size_t>(target) * pairs.size() + static_cast<std::size_t>(pair)) * 2 +
           (use_t ? 1 : 0);
  }
};

/// The predictions of one row and band, [x, target] so that a pixel's targets are neighbours.
struct StarfmRow {
  StarfmRow(int cols, int targets);
  static std::size_t bytes(int cols, int targets);

  int stride = 0;
  AlignedArray<Dn> dn, uncertainty;
  AlignedArray<std::int16_t> flags;  ///< quality flags, 0 where there is no prediction
  AlignedArray<double> exact;        ///< not rounded, NaN where there is no prediction
};

/// Working arrays of the kernel; one for each block that is being worked on.
struct StarfmScratch {
  StarfmScratch(int window, int targets);
  static std::size_t bytes(int window, int targets);

  /// Pixels that are worked on side by side.
  static constexpr int group = 8;

  /// One similar pixel.
  struct Neighbour {
    double weight;  ///< without T: the weight; with T: the reciprocal of S
    double inverse_distance;
    double value;            ///< F(i)
    double plateau_t;        ///< with T: largest T on the plateau, -1 when none
    std::size_t any_change;  ///< 1: passes for every target, whatever the temporal difference; else 0
    double difference;       ///< S
    std::size_t offset;      ///< of the cell in `change`
  };
  /// Targets as an array of whole vectors.
  static int padded(int targets) { return (targets + 7) / 8 * 8; }

  AlignedArray<std::uint16_t> similar;  ///< window indices of similar pixels
  AlignedArray<std::uint16_t> lanes;    ///< for each of them: which pixels of a group keep it
  AlignedArray<Neighbour> neighbours;
  AlignedArray<double> limit, spectral, weight, value, square, count, centre, centre_square;  ///< per target
};

/// Predicts row `row` of the block. The result for a pixel does not depend on the vector width.
void starfm_row(StarfmBlockView const& block, int row, StarfmScratch& scratch, StarfmRow& result);

}  // namespace stfcube
