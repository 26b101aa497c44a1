#pragma once

#include <vector>

#include "stfcube/models/classical/classes.hpp"
#include "stfcube/models/classical/image_regression.hpp"
#include "stfcube/models/classical/similar_pixels.hpp"
#include "stfcube/models/model_options.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

std::vector<OptionSpec> const& vipstf_options();

/// The options of VIPSTF, checked (specs: vipstf.md, parameters).
struct VipstfSettings {
  /// @throws Error(config)
  explicit VipstfSettings(ModelSettings const& settings);

  /// Pairs that are looked at for a target: those that may stand in for others come along.
  int candidates() const { return pairs + 2; }
  /// Coarse cells beyond those of the padded tile: two for the cubic kernel, and the local regression's.
  int halo_cells() const { return 2 + local; }

  int pairs = 2;  ///< K, at most
  int local = 0;  ///< half the window of a local regression, cells; 0: one for the scene or zone
  Negative negative = Negative::forbid_when_noisy;
  SimilarWindow window;
  std::vector<int> similarity_bands;  ///< indices
  bool filter_all = false;
  bool unmixed = false;         ///< version SU: the residual is unmixed instead of filtered
  ClassSettings fine_classes;   ///< of SU
  int classes = 5, radius = 4;  ///< of SU: classes at most; half the window, cells
  double ridge = 1;             ///< of SU: weight of no residual, in cells of one class
};

}  // namespace stfcube
