#pragma once

#include <span>
#include <vector>

#include "stfcube/models/statistics.hpp"

namespace stfcube {

/// Directions of largest variance of an image's bands, each scaled to variance 1.
struct PrincipalComponents {
  std::vector<double> mean;     ///< by band
  std::vector<double> weights;  ///< [component, band]
  int count = 0;  ///< components that together have the wanted share of the variance; 0: a constant image
};

/// @param sums  n, sums of the bands, and sums of products of bands b <= c, row by row: exact
/// @param share  of the variance that the components keep, 0 < share <= 1
PrincipalComponents principal_components(std::span<ExactSum const> sums, int bands, double share);

}  // namespace stfcube
