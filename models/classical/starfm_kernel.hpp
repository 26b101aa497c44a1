#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stfcube/models/classical/aligned_array.hpp"
#include "stfcube/models/classical/starfm_plan.hpp"
#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {

// The raster of a block holds its core pixels and the window around them. All its arrays have the same pitch; what lies
// outside the scene, or cannot be used, is no_data_dn in the fine planes and is thus never similar to anything.

/// A fine image that must be similar: |F(i) - F(0)| <= delta; -1: nothing is.
struct StarfmSimilarity {
  Dn const* fine = nullptr;  ///< raster
  int delta = -1;
};

/// One pair, in one band.
struct StarfmPairView {
  std::vector<StarfmSimilarity> similarity;
  Dn const* fine = nullptr;                    ///< raster
  std::uint16_t const* difference = nullptr;   ///< raster: S = |F - C|
  float const* change = nullptr;               ///< [cell, target]: C_p - C_k, NaN where C_p is missing
  double const* damping = nullptr;             ///< [cell, target]: 1 / (T + 1) or its logarithmic form; only when grouped
};

/// Weights of one band as tables over S or T in whole DN; 65536 entries each.
struct StarfmTables {
  double const* reciprocal = nullptr;  ///< 1 / (n + 1), or 1 / ln(n + 2)
  double const* plateau = nullptr;     ///< without T: 1 where S + 1 < sigma_c, else 0
  double const* falloff = nullptr;     ///< without T: 0 on the plateau, else reciprocal
  double const* plateau_t = nullptr;   ///< with T: the largest T on the plateau for that S; plateau_levels entries
  int plateau_levels = 0;              ///< with T: from this S on there is no plateau
};

/// Everything a row of pixels is predicted from, for one band of one block.
struct StarfmBlockView {
  int cols = 0;                        ///< core pixels in a row
  int window = 0, before = 0, pitch = 0;
  int targets = 0;
  int stride = 0;                      ///< between the cells of `change` and `damping`
  std::int32_t const* cell = nullptr;  ///< raster: index of the coarse cell
  bool grouped = false;                ///< sums by coarse cell; else every neighbour by itself
  std::uint16_t const* slot = nullptr; ///< raster, grouped only: where the sums of the pixel's cell stand
  int const* column_cell = nullptr;    ///< grouped only: column of cells of each raster column
  int const* row_cell = nullptr;       ///< and row of cells of each raster row
  int cell_cols = 0, cells = 0;
  double const* inverse_distance = nullptr;  ///< 1 / D at the index of a window pixel in the raster
  double const* powers = nullptr;      ///< {1, d, d^2, 0} for a difference d; `powers_radius` on either side of 0
  int powers_radius = 0;
  StarfmTables tables;
  double spectral = 0, temporal = 0, variance = 0;  ///< thresholds in DN; variance of one summand
  Quantity range;                      ///< of predictions
  bool both_tests = false, centre_max = false, log_weights = false, usda = false;
  std::vector<StarfmPairView> pairs;
  std::vector<StarfmPlan const*> plans;  ///< per core pixel, row-major
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

/// Where sums of one coarse cell stand: {weight, weight d, weight d^2, count} in two classes of `starfm_sets` sets.
/// Neighbouring pixels add to different sets, so that an addition need not wait for the one before.
inline constexpr int starfm_sets = 4;
inline constexpr int starfm_slot_size = 4;
inline constexpr int starfm_class_size = starfm_sets * starfm_slot_size;
inline constexpr int starfm_cell_size = 2 * starfm_class_size;

/// Working arrays of the kernel; one for each block that is being worked on.
struct StarfmScratch {
  StarfmScratch(int window, int cells, int targets);
  static std::size_t bytes(int window, int cells, int targets);

  /// Sums over one coarse cell of the window, by whether the cell passes the temporal test.
  struct CellSums {
    double passed[4], failed[4];
    std::size_t offset;  ///< of the cell in `change`
  };
  /// One neighbour whose weight or presence depends on the target date.
  struct Neighbour {
    double weight;        ///< without the temporal factor
    double value;         ///< F(i) - reference
    double plateau_t;     ///< largest T on the plateau, -1 when none
    double slack;         ///< added to the temporal limit: infinity when the spectral test is passed
    std::size_t offset;
  };

  AlignedArray<std::uint16_t> similar[2];  ///< window indices of similar pixels, of the last two pairs
  int similar_pair[2] = {-1, -1};
  std::size_t similar_count[2] = {0, 0};
  AlignedArray<double> sums;               ///< per cell; zero between pixels
  AlignedArray<CellSums> cell_sums;
  AlignedArray<Neighbour> neighbours;
  AlignedArray<double> limit, weight, value, square, count, centre, centre_square;  ///< per target
};

/// Predicts row `row` of the block. The result for a pixel does not depend on the vector width.
void starfm_row(StarfmBlockView const& block, int row, StarfmScratch& scratch, StarfmRow& result);

}  // namespace stfcube
