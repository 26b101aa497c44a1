#include "stfcube/models/classical/principal_components.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// Eigenvalues and vectors of a symmetric matrix by Jacobi's rotations, in a fixed order.
void diagonalise(std::vector<double>& a, std::vector<double>& vectors, std::size_t n) {
  vectors.assign(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) vectors[i * n + i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) off += a[i * n + j] * a[i * n + j];
    }
    if (off == 0) return;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        if (a[p * n + q] == 0) continue;
        double const theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        double const t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        double const c = 1 / std::sqrt(t * t + 1), s = t * c;
        auto const rotate = [&](double& x, double& y) {
          double const old = x;
          x = c * old - s * y;
          y = s * old + c * y;
        };
        for (std::size_t k = 0; k < n; ++k) rotate(a[k * n + p], a[k * n + q]);
        for (std::size_t k = 0; k < n; ++k) rotate(a[p * n + k], a[q * n + k]);
        for (std::size_t k = 0; k < n; ++k) rotate(vectors[k * n + p], vectors[k * n + q]);
        a[p * n + q] = a[q * n + p] = 0;
      }
    }
  }
}

}  // namespace

PrincipalComponents principal_components(std::span<ExactSum const> sums, int bands, double share) {
  PrincipalComponents components;
  std::size_t const n = to_size(bands);
  ExactSum const count = sums[0];
  if (count == 0) return components;
  auto const pixels = static_cast<double>(count);
  std::vector<double> covariance(n * n), vectors;
  std::size_t at = 1 + n;
  for (std::size_t b = 0; b < n; ++b) {
    components.mean.push_back(static_cast<double>(sums[1 + b]) / pixels);
    for (std::size_t c = b; c < n; ++c, ++at) {
      ExactSum const numerator = count * sums[at] - sums[1 + b] * sums[1 + c];
      covariance[b * n + c] = covariance[c * n + b] = static_cast<double>(numerator) / (pixels * pixels);
    }
  }
  diagonalise(covariance, vectors, n);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t k) { return covariance[k * n + k]; });
  double total = 0, kept = 0;
  for (std::size_t k = 0; k < n; ++k) total += covariance[k * n + k];
  for (std::size_t const k : order) {
    double const variance = covariance[k * n + k];
    if (variance <= 1e-9 || kept >= share * total) break;  // below: a constant image
    kept += variance;
    for (std::size_t b = 0; b < n; ++b)
      components.weights.push_back(vectors[b * n + k] / std::sqrt(variance));
    ++components.count;
  }
  return components;
}

}  // namespace stfcube
