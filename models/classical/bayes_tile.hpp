#pragma once

#include <string>
#include <vector>

#include "stfcube/models/classical/class_change.hpp"
#include "stfcube/models/classical/classes.hpp"
#include "stfcube/models/classical/linear.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/stat_zones.hpp"

namespace stfcube {

enum class BayesMethod {
  block,   ///< pixels uncorrelated given their class: every cell by itself
  smooth,  ///< correlation falls with distance: 3 x 3 cells together
};
enum class BayesPrior {
  change,  ///< fine image of the nearest pair + change of the class
  linear,  ///< between the fine images before and after
};

/// What BayesModel predicts with: its options, and what the first pass found.
struct BayesParts {
  BayesMethod method;
  BayesPrior prior;
  bool bias_of_pair;
  double coarse_sigma;  ///< DN
  double length;        ///< fine pixels
  int max_gap_days, tolerance_days;
  Quantity range;
  std::vector<double> sigma;  ///< per band, DN, of one observation
  StatZones zones;
  FineClasses classes;
  ClassChange change;
  LinearModel linear;  ///< where nothing is expected
  Statistics scatter;  ///< differences between neighbouring pairs
};

/// Statistics of the differences between the fine image of a date and that of the next or of the previous
/// pair.
std::string scatter_name(Date date, bool to_next);

/// Where the entries of class c in a row of differences begin: pixels, then per band the sum and the sum of
/// squares.
inline std::size_t scatter_at(int c, int bands) {
  return static_cast<std::size_t>(c) * (1 + 2 * static_cast<std::size_t>(bands));
}

/// Bytes of the beliefs of a tile, beyond labels and what single pixels fall back to.
/// @param groups  most groups of one cell
std::size_t bayes_tile_bytes(TileShape const& shape, int ratio, std::size_t groups, bool smooth, int threads);

/// Predicts all targets of one tile. Thread-safe.
void predict_bayes(BayesParts const& parts, FusionInput const& input, FusionOutput& output);

}  // namespace stfcube
