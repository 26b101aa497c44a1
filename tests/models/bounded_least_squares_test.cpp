#include "stfcube/models/classical/bounded_least_squares.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// The worst violation of the Karush-Kuhn-Tucker conditions, relative to the largest |rhs|.
double kkt_residual(NormalEquations const& q, Bounds const& bounds, std::vector<double> const& e) {
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < e.size(); ++i) {
    double descent = q.rhs[i];
    for (std::size_t j = 0; j < e.size(); ++j) descent -= q.gram[i * e.size() + j] * e[j];
    scale = std::max(scale, std::abs(q.rhs[i]));
    if (e[i] == bounds.lowest)
      descent = std::max(descent, 0.0);
    else if (e[i] == bounds.highest)
      descent = std::min(descent, 0.0);
    worst = std::max(worst, std::abs(descent));
    EXPECT_GE(e[i], bounds.lowest);
    EXPECT_LE(e[i], bounds.highest);
  }
  return worst / scale;
}

/// Fractions of random cells, and coarse values of classes that lie partly out of the bounds.
NormalEquations random_problem(std::mt19937& random, std::size_t classes, int cells) {
  std::uniform_real_distribution<double> uniform(0, 1);
  NormalEquations q(classes);
  for (int cell = 0; cell < cells; ++cell) {
    std::vector<double> shares(classes);
    double sum = 0, value = 200 * uniform(random);
    for (double& share : shares) sum += share = std::pow(uniform(random), 4);
    for (std::size_t c = 0; c < classes; ++c) {
      shares[c] /= sum;
      value += shares[c] * (static_cast<double>(c) - 2) * 700;
    }
    for (std::size_t i = 0; i < classes; ++i) {
      for (std::size_t j = 0; j < classes; ++j) q.gram[i * classes + j] += shares[i] * shares[j];
      q.rhs[i] += shares[i] * value;
    }
  }
  return q;
}

TEST(BoundedLeastSquares, random_problems_meet_the_conditions_of_the_minimum) {
  std::mt19937 random(7);
  Bounds const bounds{0, 1800};
  int bounded = 0;
  for (int i = 0; i < 400; ++i) {
    std::size_t const classes = 1 + static_cast<std::size_t>(i) % 16;
    auto const q = random_problem(random, classes, 40);
    auto const e = bounded_least_squares(q, bounds, std::vector<double>(classes, 500));
    EXPECT_LT(kkt_residual(q, bounds, e), 1e-10) << i;
    bounded += std::ranges::any_of(e, [&](double v) { return v == bounds.lowest || v == bounds.highest; });
  }
  EXPECT_GT(bounded, 100);
}

TEST(BoundedLeastSquares, the_start_does_not_matter) {
  std::mt19937 random(3);
  for (int i = 0; i < 50; ++i) {
    auto const q = random_problem(random, 6, 60);
    auto const low = bounded_least_squares(q, {0, 1500}, std::vector<double>(6, -5000));
    auto const high = bounded_least_squares(q, {0, 1500}, std::vector<double>(6, 5000));
    for (std::size_t c = 0; c < 6; ++c) EXPECT_NEAR(low[c], high[c], 1e-6) << i;
  }
}

TEST(BoundedLeastSquares, without_bounds_it_solves_the_equations) {
  NormalEquations q(2);
  q.gram = {4, 1, 1, 3};
  q.rhs = {1, 2};
  auto const e = bounded_least_squares(q, {-infinity, infinity}, std::vector<double>(2));
  EXPECT_DOUBLE_EQ(e[0], 1.0 / 11);
  EXPECT_DOUBLE_EQ(e[1], 7.0 / 11);
}

TEST(BoundedLeastSquares, a_ridge_counts_like_cells_with_the_prior) {
  NormalEquations q(1);
  q.gram = {3};
  q.rhs = {3 * 100};
  q.add_ridge(1, std::vector<double>{20});
  EXPECT_THAT(bounded_least_squares(q, {-infinity, infinity}, std::vector<double>(1)), ElementsAre(80));
}

TEST(BoundedLeastSquares, unknowns_that_the_equations_leave_open_stay) {
  NormalEquations q(3);
  q.gram = {2, 2, 0, 2, 2, 0, 0, 0, 0};
  q.rhs = {10, 10, 0};
  auto const e = bounded_least_squares(q, {-infinity, infinity}, std::vector<double>{1, 2, 3});
  EXPECT_DOUBLE_EQ(e[0] + e[1], 5);
  EXPECT_EQ(e[2], 3);
  auto const bounded = bounded_least_squares(q, {0, 2}, std::vector<double>{1, 1, 3});
  EXPECT_THAT(bounded, ElementsAre(2, 2, 2));
}

}  // namespace
}  // namespace stfcube
