#include "stfcube/models/classical/robot_solver.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace stfcube {
namespace {

constexpr double optimality = 1e-11;  // of the largest |g|
constexpr double dependent = 1e-14;   // a pivot this small against its diagonal is rounding alone

/// Minimum over a >= 0 for one g. Keeps its memory for the next g.
class NonNegative {
 public:
  explicit NonNegative(std::span<double const> hessian, std::size_t n)
      : hessian_(hessian), n_(n), factor_(n * n), passive_(n), refused_(n), solution_(n), trial_(n) {}

  std::vector<double> const& solve(std::vector<double> const& g) {
    double largest = 0;
    for (double v : g) largest = std::max(largest, std::abs(v));
    std::ranges::fill(passive_, false);
    std::ranges::fill(refused_, false);
    std::ranges::fill(solution_, 0.0);
    // Every round either ends or adds a variable; the bound is for rounding alone.
    for (std::size_t round = 0; round < 10 * n_ + 10; ++round) {
      std::size_t const best = steepest(g);
      if (best == n_ || gradient(g, best) <= optimality * largest) break;
      passive_[best] = true;
      if (!minimise(g) || trial_[best] <= 0) {
        passive_[best] = false;
        refused_[best] = true;
        continue;
      }
      while (!std::ranges::all_of(indices(), [&](std::size_t i) { return trial_[i] > 0; })) {
        step_to_edge();
        minimise(g);
      }
      for (std::size_t i = 0; i < n_; ++i) solution_[i] = passive_[i] ? trial_[i] : 0;
      std::ranges::fill(refused_, false);
    }
    return solution_;
  }

  /// H^-1 v over the variables above 0, the others 0.
  std::vector<double> inverse_times(std::vector<double> const& v) {
    minimise(v);
    std::vector<double> result(n_);
    for (std::size_t const i : indices()) result[i] = trial_[i];
    return result;
  }

 private:
  double gradient(std::vector<double> const& g, std::size_t i) const {
    double sum = g[i];
    for (std::size_t j = 0; j < n_; ++j) sum -= hessian_[i * n_ + j] * solution_[j];
    return sum;
  }

  std::size_t steepest(std::vector<double> const& g) const {
    std::size_t best = n_;
    double largest = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      if (passive_[i] || refused_[i]) continue;
      double const slope = gradient(g, i);
      if (slope > largest) largest = slope, best = i;
    }
    return best;
  }

  std::vector<std::size_t> indices() const {
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < n_; ++i) {
      if (passive_[i]) chosen.push_back(i);
    }
    return chosen;
  }

  /// The minimum over the passive variables, in trial_. False when one depends on the others.
  bool minimise(std::vector<double> const& g) {
    auto const at = indices();
    std::size_t const m = at.size();
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = hessian_[at[i] * n_ + at[j]];
        for (std::size_t k = 0; k < j; ++k) sum -= factor_[i * n_ + k] * factor_[j * n_ + k];
        if (i != j) {
          factor_[i * n_ + j] = sum / factor_[j * n_ + j];
        } else if (sum <= dependent * hessian_[at[i] * n_ + at[i]]) {
          return false;
        } else {
          factor_[i * n_ + i] = std::sqrt(sum);
        }
      }
    }
    for (std::size_t i = 0; i < m; ++i) {
      double sum = g[at[i]];
      for (std::size_t k = 0; k < i; ++k) sum -= factor_[i * n_ + k] * trial_[at[k]];
      trial_[at[i]] = sum / factor_[i * n_ + i];
    }
    for (std::size_t i = m; i-- > 0;) {
      double sum = trial_[at[i]];
      for (std::size_t k = i + 1; k < m; ++k) sum -= factor_[k * n_ + i] * trial_[at[k]];
      trial_[at[i]] = sum / factor_[i * n_ + i];
    }
    return true;
  }

  /// Moves the solution towards trial_ until the first variable becomes 0, and takes that one out.
  void step_to_edge() {
    double share = 1;
    for (std::size_t const i : indices()) {
      if (trial_[i] <= 0) share = std::min(share, solution_[i] / (solution_[i] - trial_[i]));
    }
    for (std::size_t const i : indices()) {
      bool const leaves = trial_[i] <= 0 && solution_[i] / (solution_[i] - trial_[i]) <= share;
      solution_[i] = leaves ? 0 : solution_[i] + share * (trial_[i] - solution_[i]);
      if (leaves) passive_[i] = false;
    }
  }

  std::span<double const> hessian_;
  std::size_t n_;
  std::vector<double> factor_;
  std::vector<char> passive_, refused_;
  std::vector<double> solution_, trial_;
};

double sum_of(std::vector<double> const& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum;
}

}  // namespace

std::vector<double> minimum_in_simplex(std::span<double const> hessian, std::span<double const> g,
                                       double radius) {
  NonNegative problem(hessian, g.size());
  std::vector<double> const full(g.begin(), g.end());
  std::vector<double> solution = problem.solve(full);
  if (sum_of(solution) <= radius) return solution;

  // The edge sum(a) = radius: its multiplier mu is found between 0 and the largest g, where a becomes 0. For
  // the variables above 0 the sum is linear in mu; where they stay the same, the step is exact.
  double lower = 0, upper = *std::ranges::max_element(g), mu = 0;
  std::vector<double> const ones(g.size(), 1.0);
  for (int round = 0; round < 200 && lower < upper; ++round) {
    double const sum = sum_of(solution);
    (sum > radius ? lower : upper) = mu;
    double const slope = sum_of(problem.inverse_times(ones));
    double const step = slope > 0 ? mu + (sum - radius) / slope : upper;
    double const next = step > lower && step < upper ? step : (lower + upper) / 2;
    if (next == mu) break;
    mu = next;
    std::vector<double> moved = full;
    for (double& v : moved) v -= mu;
    solution = problem.solve(moved);
    if (std::abs(sum_of(solution) - radius) <= 1e-13 * radius) break;
  }
  return solution;
}

}  // namespace stfcube
