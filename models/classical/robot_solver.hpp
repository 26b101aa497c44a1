#pragma once

#include <span>
#include <vector>

namespace stfcube {

/// The minimum of a' H a / 2 - g' a over a >= 0 with sum(a) <= radius; H symmetric, positive definite (or
/// semidefinite: variables that depend on chosen ones stay at 0). Active set; the gradient is within 1e-11 of
/// the largest |g| of optimal. A pure function: the same bits for the same arguments.
/// @param hessian  [n, n], row-major
/// @source Lawson and Hanson 1974, chapter 23; specs: robot.md, step 3
std::vector<double> minimum_in_simplex(std::span<double const> hessian, std::span<double const> g,
                                       double radius);

}  // namespace stfcube
