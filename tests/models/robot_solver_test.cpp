#include "stfcube/models/classical/robot_solver.hpp"

#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

/// A' A + ridge I and A' y of random non-negative columns that resemble each other.
struct Problem {
  std::vector<double> hessian, g;

  Problem(std::size_t n, unsigned seed, double likeness, double ridge) : hessian(n * n), g(n) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::vector<std::vector<double>> columns(n + 1, std::vector<double>(60));
    std::vector<double> common(60);
    for (double& v : common) v = uniform(generator);
    for (auto& column : columns) {
      for (std::size_t i = 0; i < column.size(); ++i) column[i] = likeness * common[i] + uniform(generator);
    }
    auto const product = [&](std::size_t i, std::size_t j) {
      return std::inner_product(columns[i].begin(), columns[i].end(), columns[j].begin(), 0.0);
    };
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) hessian[i * n + j] = product(i, j) + (i == j ? ridge : 0);
      g[i] = product(i, n);
    }
  }
};

/// The largest violation of the conditions of optimality for the multiplier mu of the sum, relative to |g|.
double violation(Problem const& p, std::vector<double> const& a, double mu) {
  double worst = 0, largest = 0;
  std::size_t const n = a.size();
  for (std::size_t i = 0; i < n; ++i) {
    double slope = p.g[i] - mu;
    for (std::size_t j = 0; j < n; ++j) slope -= p.hessian[i * n + j] * a[j];
    EXPECT_GE(a[i], 0);
    worst = std::max(worst, a[i] > 0 ? std::abs(slope) : slope);
    largest = std::max(largest, std::abs(p.g[i]));
  }
  return worst / largest;
}

TEST(RobotSolver, meets_the_conditions_of_optimality) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Problem const p(1 + seed % 12, seed, seed % 3 * 5.0, 1e-3);
    auto const a = minimum_in_simplex(p.hessian, p.g, 1e6);
    EXPECT_LE(violation(p, a, 0), 1e-10) << seed;
  }
}

TEST(RobotSolver, a_sum_beyond_the_radius_ends_on_it) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Problem const p(1 + seed % 12, seed, seed % 3 * 5.0, 1e-3);
    auto const free = minimum_in_simplex(p.hessian, p.g, 1e6);
    double const radius = std::accumulate(free.begin(), free.end(), 0.0) * (0.2 + 0.1 * (seed % 7));
    auto const a = minimum_in_simplex(p.hessian, p.g, radius);
    EXPECT_NEAR(std::accumulate(a.begin(), a.end(), 0.0), radius, 1e-11 * radius);
    // The multiplier is the slope of any variable above 0.
    std::size_t const n = a.size();
    auto const positive = static_cast<std::size_t>(std::ranges::max_element(a) - a.begin());
    double mu = p.g[positive];
    for (std::size_t j = 0; j < n; ++j) mu -= p.hessian[positive * n + j] * a[j];
    EXPECT_GT(mu, 0);
    EXPECT_LE(violation(p, a, mu), 1e-9) << seed;
  }
}

TEST(RobotSolver, has_solutions_known_by_hand) {
  std::vector<double> const identity = {1, 0, 0, 1};
  EXPECT_EQ(minimum_in_simplex(identity, std::vector<double>{0.5, 0.25}, 2),
            (std::vector<double>{0.5, 0.25}));
  EXPECT_EQ(minimum_in_simplex(identity, std::vector<double>{0.5, -0.25}, 2), (std::vector<double>{0.5, 0}));
  EXPECT_EQ(minimum_in_simplex(identity, std::vector<double>{-1, -2}, 2), (std::vector<double>{0, 0}));
  // On the edge: (3, 2) minus 1.5 for each.
  auto const a = minimum_in_simplex(identity, std::vector<double>{3, 2}, 2);
  EXPECT_NEAR(a[0], 1.5, 1e-12);
  EXPECT_NEAR(a[1], 0.5, 1e-12);
}

TEST(RobotSolver, equal_columns_do_no_harm_without_a_ridge) {
  std::vector<double> const singular = {2, 2, 2, 2};
  auto const a = minimum_in_simplex(singular, std::vector<double>{2, 2}, 5);
  EXPECT_NEAR(a[0] + a[1], 1, 1e-12);
  EXPECT_EQ(minimum_in_simplex(std::vector<double>{0}, std::vector<double>{0}, 1), (std::vector<double>{0}));
}

}  // namespace
}  // namespace stfcube
