#pragma once

#include <vector>

#include "stfcube/models/model_options.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// How FSDAF brings the coarse image of the target to fine pixels.
enum class SpatialKernel { tps_local, bicubic, bilinear, idw };

/// FSDAF, or SFSDAF, where fractions of classes inside pixels change.
enum class FsdafVariant { fsdaf, sfsdaf };

/// The options of FSDAF, checked (specs: fsdaf.md, parameters).
struct FsdafSettings {
  explicit FsdafSettings(ModelSettings const& settings);

  /// Cells beyond a pixel's own that the spatial prediction looks at.
  int kernel_cells() const;
  Support support() const;
  /// Classes of a map are not known before the first pass.
  int classes_at_most() const { return class_map ? 64 : classes; }

  FsdafVariant variant = FsdafVariant::fsdaf;
  int ratio = 1;
  int classes = 5;
  int assignments = 20;  ///< of k-means at most
  int sample = 1;
  bool class_map = false;
  int purest = 100;            ///< cells of each class that its change is found from
  int endmember_purest = 100;  ///< sfsdaf: cells that the value of a class at the target is found from
  double lowest_quantile = 0.1, highest_quantile = 0.9;
  int homogeneity_px = 8;  ///< half window of the homogeneity index
  int window_px = 20;      ///< w: half window of similar pixels
  int similar = 20;        ///< n: similar pixels
  double weight_cap = 10;  ///< larger weights inside a cell become 1
  SpatialKernel kernel = SpatialKernel::tps_local;
  int reach = 3;  ///< q: cells around one that its spline runs through
};

std::vector<OptionSpec> const& fsdaf_options();

}  // namespace stfcube
