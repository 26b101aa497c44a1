#include "stfcube/models/classical/image_regression.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace stfcube {
namespace {

/// Below this variance a single image says nothing about change of contrast, DN^2.
constexpr double least_variance = 1;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// A small symmetric matrix, row-major.
struct Matrix {
  explicit Matrix(std::size_t order) : n(order), values(order * order) {}
  double& at(std::size_t i, std::size_t j) { return values[i * n + j]; }
  double at(std::size_t i, std::size_t j) const { return values[i * n + j]; }

  std::size_t n;
  std::vector<double> values;
};

/// Largest over smallest eigenvalue, by Jacobi rotations; infinite when the smallest is not positive.
double condition(Matrix m) {
  for (int sweep = 0; sweep < 30; ++sweep) {
    for (std::size_t p = 0; p < m.n; ++p) {
      for (std::size_t q = p + 1; q < m.n; ++q) {
        if (m.at(p, q) == 0) continue;
        double const theta = (m.at(q, q) - m.at(p, p)) / (2 * m.at(p, q));
        double const t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        double const c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (std::size_t k = 0; k < m.n; ++k) {
          double const a = m.at(k, p), b = m.at(k, q);
          m.at(k, p) = c * a - s * b;
          m.at(k, q) = s * a + c * b;
        }
        for (std::size_t k = 0; k < m.n; ++k) {
          double const a = m.at(p, k), b = m.at(q, k);
          m.at(p, k) = c * a - s * b;
          m.at(q, k) = s * a + c * b;
        }
      }
    }
  }
  double lowest = m.at(0, 0), highest = m.at(0, 0);
  for (std::size_t i = 1; i < m.n; ++i) {
    lowest = std::min(lowest, m.at(i, i));
    highest = std::max(highest, m.at(i, i));
  }
  return lowest > 0 ? highest / lowest : INFINITY;
}

/// Correlations of the images `used`.
Matrix correlations(RegressionSums const& sums, std::vector<int> const& used) {
  Matrix m(used.size());
  for (std::size_t i = 0; i < m.n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      int const a = std::max(used[i], used[j]), b = std::min(used[i], used[j]);
      double const scale = std::sqrt(sums.between(a, a)) * std::sqrt(sums.between(b, b));
      m.at(i, j) = m.at(j, i) = i == j ? 1 : sums.between(a, b) / scale;
    }
  }
  return m;
}

/// Factors of the images `used` by Cholesky of their correlations.
std::vector<double> solve(RegressionSums const& sums, std::vector<int> const& used) {
  Matrix l = correlations(sums, used);
  std::size_t const n = l.n;
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = l.at(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= l.at(i, k) * l.at(j, k);
      l.at(i, j) = i == j ? std::sqrt(std::max(sum, 0.0)) : sum / l.at(j, j);
    }
    double right = sums.with_target(used[i]) / std::sqrt(sums.between(used[i], used[i]));
    for (std::size_t k = 0; k < i; ++k) right -= l.at(i, k) * x[k];
    x[i] = right / l.at(i, i);
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) x[i] -= l.at(k, i) * x[k];
    x[i] /= l.at(i, i);
  }
  for (std::size_t i = 0; i < n; ++i) x[i] /= std::sqrt(sums.between(used[i], used[i]));
  return x;
}

/// The part of the target's variance that factors explain.
double explained(RegressionSums const& sums, std::vector<int> const& used,
                 std::vector<double> const& factors) {
  double total = 0;
  for (std::size_t i = 0; i < used.size(); ++i) {
    total += 2 * factors[i] * sums.with_target(used[i]);
    for (std::size_t j = 0; j < used.size(); ++j) {
      total -= factors[i] * factors[j] * sums.between(std::max(used[i], used[j]), std::min(used[i], used[j]));
    }
  }
  return total;
}

using Chosen = std::pair<std::vector<int>, std::vector<double>>;

/// The best of all subsets whose factors are not negative: the solution of non-negative least squares.
Chosen solve_positive(RegressionSums const& sums, std::vector<int> const& used) {
  Chosen best;
  double most = 0;
  for (unsigned mask = 1; mask < 1U << used.size(); ++mask) {
    std::vector<int> some;
    for (std::size_t i = 0; i < used.size(); ++i) {
      if ((mask >> i & 1U) != 0) some.push_back(used[i]);
    }
    auto factors = solve(sums, some);
    if (std::ranges::any_of(factors, [](double f) { return f < 0; })) continue;
    double const part = explained(sums, some, factors);
    if (part <= most) continue;
    most = part;
    best = {std::move(some), std::move(factors)};
  }
  return best;
}

/// Images that can be told apart.
std::vector<int> distinct(RegressionSums const& sums, std::span<int const> farthest) {
  std::vector<int> used;
  for (int i = 0; i < sums.images(); ++i) {
    if (sums.between(i, i) > 0) used.push_back(i);
  }
  for (int const next : farthest) {
    bool const enough = sums.cells() >= static_cast<ExactSum>(used.size()) + 2;
    if (used.size() <= 1 || (enough && condition(correlations(sums, used)) <= largest_condition)) break;
    std::erase(used, next);
  }
  return used;
}

}  // namespace

double ImageCombination::noise_gain() const {
  double sum = 0;
  for (double const factor : factors) sum += factor * factor;
  return std::sqrt(sum);
}

ImageCombination explain_image(RegressionSums const& sums, std::span<int const> farthest, Negative negative) {
  ImageCombination result{.factors = std::vector<double>(to_size(sums.images()))};
  if (sums.cells() == 0 || sums.images() == 0) return result;
  Chosen chosen{distinct(sums, farthest), {}};
  bool const alone = chosen.first.size() <= 1;
  if (alone && (chosen.first.empty() || sums.cells() < 3 ||
                sums.between(chosen.first[0], chosen.first[0]) < least_variance)) {
    chosen = {{chosen.first.empty() ? farthest.back() : chosen.first[0]}, {1.0}};
  } else {
    chosen.second = solve(sums, chosen.first);
    double gain = 0;
    for (double const factor : chosen.second) gain += factor * factor;
    bool const noisy = std::sqrt(gain) > noisy_gain;
    if (negative == Negative::forbid || (negative == Negative::forbid_when_noisy && noisy)) {
      chosen = solve_positive(sums, chosen.first);
    }
  }
  result.offset = sums.mean_target();
  for (std::size_t i = 0; i < chosen.first.size(); ++i) {
    result.factors[to_size(chosen.first[i])] = chosen.second[i];
    result.offset -= chosen.second[i] * sums.mean(chosen.first[i]);
  }
  result.residual =
      std::sqrt(std::max(0.0, sums.target_variance() - explained(sums, chosen.first, chosen.second)));
  return result;
}

}  // namespace stfcube
