#include "stfcube/models/classical/bounded_least_squares.hpp"

#include <algorithm>
#include <cmath>

namespace stfcube {
namespace {

constexpr double smallest_pivot =
    1e-12;  // of the largest diagonal element: below it a column depends on others

/// The problem and the state of the search.
class ActiveSet {
 public:
  ActiveSet(NormalEquations const& equations, Bounds const& bounds, std::span<double const> start)
      : equations_(equations), bounds_(bounds), e_(start.begin(), start.end()), free_(start.size(), true) {
    for (double& value : e_) value = std::clamp(value, bounds.lowest, bounds.highest);
    for (double const value : equations.rhs) scale_ = std::max(scale_, std::abs(value));
  }

  std::vector<double> solve() {
    // Every turn but those of rounding errors lowers what is minimised, so that no free set comes twice.
    auto const most_turns = 20 * static_cast<int>(e_.size()) + 20;
    for (int turn = 0; turn < most_turns; ++turn) {
      solve_free();
      auto const next = unknown_to_free();
      if (next == e_.size()) break;
      free_[next] = true;
    }
    return e_;
  }

 private:
  std::size_t size() const { return e_.size(); }
  double gram(std::size_t i, std::size_t j) const { return equations_.gram[i * size() + j]; }

  /// rhs - gram e: how what is minimised falls along each unknown.
  double descent(std::size_t i) const {
    double sum = equations_.rhs[i];
    for (std::size_t j = 0; j < size(); ++j) sum -= gram(i, j) * e_[j];
    return sum;
  }

  /// Moves the free unknowns to their minimum; those that meet a bound on the way stay there.
  void solve_free() {
    for (;;) {
      auto const step = free_step();
      double share = 1;
      std::size_t first = size();
      for (std::size_t i = 0; i < size(); ++i) {
        if (!free_[i]) continue;
        double const to = e_[i] + step[i];
        if (to >= bounds_.lowest && to <= bounds_.highest) continue;
        double const bound = to < bounds_.lowest ? bounds_.lowest : bounds_.highest;
        double const part = (bound - e_[i]) / step[i];
        if (part < share || first == size()) {
          share = part;
          first = i;
        }
      }
      for (std::size_t i = 0; i < size(); ++i) {
        if (free_[i]) e_[i] = std::clamp(e_[i] + share * step[i], bounds_.lowest, bounds_.highest);
      }
      if (first == size()) return;
      e_[first] = step[first] < 0 ? bounds_.lowest : bounds_.highest;
      free_[first] = false;
    }
  }

  /// From e to the minimum over the free unknowns; solved twice, the second time for what rounding left.
  std::vector<double> free_step() {
    factorise();
    std::vector<double> residual(size());
    for (std::size_t i = 0; i < size(); ++i) residual[i] = descent(i);
    std::vector<double> step = back_substitute(residual);
    for (std::size_t i = 0; i < size(); ++i) {
      for (std::size_t j = 0; j < size(); ++j) residual[i] -= gram(i, j) * step[j];
    }
    auto const correction = back_substitute(residual);
    for (std::size_t i = 0; i < size(); ++i) step[i] += correction[i];
    return step;
  }

  /// gram = L D L' over the free unknowns; a pivot of 0 marks one that is not moved.
  void factorise() {
    lower_.assign(size() * size(), 0);
    pivots_.assign(size(), 0);
    double largest = 0;
    for (std::size_t i = 0; i < size(); ++i) largest = std::max(largest, gram(i, i));
    for (std::size_t i = 0; i < size(); ++i) {
      if (!free_[i]) continue;
      double pivot = gram(i, i);
      for (std::size_t j = 0; j < i; ++j) {
        if (pivots_[j] == 0) continue;
        double sum = gram(i, j);
        for (std::size_t m = 0; m < j; ++m)
          sum -= lower_[i * size() + m] * lower_[j * size() + m] * pivots_[m];
        lower_[i * size() + j] = sum / pivots_[j];
        pivot -= sum * lower_[i * size() + j];
      }
      if (pivot > smallest_pivot * largest) pivots_[i] = pivot;
    }
  }

  std::vector<double> back_substitute(std::vector<double> const& right) const {
    std::vector<double> x(size(), 0);
    for (std::size_t i = 0; i < size(); ++i) {
      if (pivots_[i] == 0) continue;
      x[i] = right[i];
      for (std::size_t j = 0; j < i; ++j) x[i] -= lower_[i * size() + j] * x[j];
    }
    for (std::size_t i = size(); i-- > 0;) {
      if (pivots_[i] == 0) continue;
      x[i] /= pivots_[i];
      for (std::size_t j = i + 1; j < size(); ++j)
        x[i] -= pivots_[j] == 0 ? 0 : lower_[j * size() + i] * x[j];
    }
    return x;
  }

  /// The unknown at a bound that gains most by leaving it; size() when none does.
  std::size_t unknown_to_free() const {
    double most = 1e-13 * scale_;
    std::size_t chosen = size();
    for (std::size_t i = 0; i < size(); ++i) {
      if (free_[i]) continue;
      double const gain = e_[i] == bounds_.lowest ? descent(i) : -descent(i);
      if (gain <= most) continue;
      most = gain;
      chosen = i;
    }
    return chosen;
  }

  NormalEquations const& equations_;
  Bounds bounds_;
  std::vector<double> e_;
  std::vector<bool> free_;
  double scale_ = 0;
  std::vector<double> lower_, pivots_;
};

}  // namespace

void NormalEquations::add_ridge(double ridge, std::span<double const> e0) {
  for (std::size_t i = 0; i < unknowns(); ++i) {
    gram[i * unknowns() + i] += ridge;
    rhs[i] += ridge * e0[i];
  }
}

std::vector<double> bounded_least_squares(NormalEquations const& equations, Bounds const& bounds,
                                          std::span<double const> start) {
  return ActiveSet(equations, bounds, start).solve();
}

}  // namespace stfcube
