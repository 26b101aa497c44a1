#pragma once

#include <span>
#include <vector>

#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"

namespace stfcube {

/// The images of one call of FusionModel::observe: indices into the two lists of dates, ascending.
struct ObservedScenes {
  std::vector<int> fine, coarse;
  bool fine_images = true;  ///< false: the fine dates are told, their images are not read
  std::vector<Date> targets;
};

/// One entry for every call of a round (for each tile). A function of dates alone.
/// @param pairs  those that some target may use, ascending
std::vector<ObservedScenes> observed_scenes(Observed what, std::span<Pair const> pairs,
                                            std::span<Date const> coarse_dates, std::span<Date const> targets,
                                            int max_gap_days);

}  // namespace stfcube
