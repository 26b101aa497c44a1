#pragma once

#include <span>
#include <vector>

namespace stfcube {

/// The normal equations of a small least squares problem, min |y - A e|^2: A'A and A'y.
struct NormalEquations {
  std::vector<double> gram;  ///< A'A, [k, k], symmetric
  std::vector<double> rhs;   ///< A'y, [k]

  explicit NormalEquations(std::size_t unknowns) : gram(unknowns * unknowns), rhs(unknowns) {}
  std::size_t unknowns() const { return rhs.size(); }
  /// Adds ridge * |e - e0|^2 to what is minimised.
  void add_ridge(double ridge, std::span<double const> e0);
};

/// Bounds of every unknown; infinite ones are none.
struct Bounds {
  double lowest, highest;
};

/// The minimiser of e' gram e / 2 - rhs' e with lowest <= e <= highest, by an active set. Where the equations
/// leave unknowns open (columns that depend on others), these stay at `start`, within the bounds. The
/// residual of the Karush-Kuhn-Tucker conditions is at most 1e-10 of the largest |rhs|, for problems of
/// reasonable condition. Pure function.
/// @source Stark and Parker 1995 (bounded-variable least squares); specs: conventions, section 6
std::vector<double> bounded_least_squares(NormalEquations const& equations, Bounds const& bounds,
                                          std::span<double const> start);

}  // namespace stfcube
