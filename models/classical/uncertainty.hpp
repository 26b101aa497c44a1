#pragma once

#include <cmath>

namespace stfcube {

/// The share of a predicted change that is wrong, one standard deviation: what methods cannot know of changes
/// inside a coarse cell and of the difference between sensors. Measured on the real sets (docs/methods.md).
inline constexpr double change_error_share = 0.5;

/// One standard deviation of a prediction, DN: the noise of the observations it is made of, the spread of the
/// estimates that the method averages (or the residual of its regression), and a share of the change since
/// the pair.
/// @param noise   standard deviation of the observations together, DN
/// @param spread  standard deviation of the method's own estimates, DN
/// @param change  coarse change between pair and target (the weighted mean over pairs), DN
inline double prediction_sigma(double noise, double spread, double change) {
  double const wrong = change_error_share * change;
  return std::sqrt(noise * noise + spread * spread + wrong * wrong);
}

}  // namespace stfcube
