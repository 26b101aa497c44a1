#pragma once

#include <array>
#include <vector>

#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube::testing {

/// The BOREAS scene of the shared folder (specs: conventions, section 12): 400 x 400 pixels, green, red, nir,
/// coarse images already on the fine grid (ratio 1). Pairs at the given dates (0: 24 May, 2: 12 August 2001),
/// target 11 July. Call it only when shared_folder() is not empty.
FusionInput boreas_input(std::vector<int> const& pair_dates);
ModelSettings boreas_settings(std::map<std::string, std::string> options);

/// Root mean square error, mean absolute error and correlation per band, of target 0 against the observation
/// of 11 July.
struct BoreasAccuracy {
  std::array<double, 3> rmse{}, mae{}, cc{};
};
BoreasAccuracy boreas_accuracy(Stack<Dn> const& prediction);

/// The share of all values of target 0 whose error is at most the uncertainty told.
double boreas_share_within_sigma(FusionOutput const& prediction);

}  // namespace stfcube::testing
