#include "stfcube/models/classical/image_regression.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

/// Sums of 40 cells with three images; the target by a function of them.
template <class Target>
std::vector<ExactSum> sums_of(int third_factor, Target target) {
  std::vector<ExactSum> sums(RegressionSums::count(3));
  for (int i = 0; i < 40; ++i) {
    std::vector<int> const values = {300 + 37 * (i % 7), 500 + 23 * (i % 11),
                                     third_factor * (300 + 37 * (i % 7)) + 9};
    RegressionSums::add(std::span(sums), std::span<int const>(values), target(values, i));
  }
  return sums;
}

std::vector<int> const farthest = {2, 1, 0};

TEST(ImageRegression, finds_factors_and_what_is_left) {
  auto const exact = sums_of(0, [](auto const& v, int) { return 2 * v[0] - v[1] + 35; });
  auto const line = explain_image(RegressionSums(exact, 3), farthest, Negative::allow);
  EXPECT_NEAR(line.factors[0], 2, 1e-9);
  EXPECT_NEAR(line.factors[1], -1, 1e-9);
  EXPECT_EQ(line.factors[2], 0);  // constant
  EXPECT_NEAR(line.offset, 35, 1e-6);
  EXPECT_NEAR(line.residual, 0, 1e-4);
  EXPECT_NEAR(line.noise_gain(), std::sqrt(5), 1e-9);
  auto const noisy = sums_of(0, [](auto const& v, int i) { return v[0] + (i % 2 == 0 ? 20 : -20); });
  EXPECT_NEAR(explain_image(RegressionSums(noisy, 3), farthest, Negative::allow).residual, 20, 1);
}

TEST(ImageRegression, leaves_out_the_farthest_of_images_that_say_the_same) {
  auto const sums = sums_of(3, [](auto const& v, int) { return 2 * v[0] + v[1]; });
  auto const line = explain_image(RegressionSums(sums, 3), farthest, Negative::allow);
  EXPECT_NEAR(line.factors[0], 2, 1e-9);
  EXPECT_NEAR(line.factors[1], 1, 1e-9);
  EXPECT_EQ(line.factors[2], 0);
  std::vector<int> const other_order = {0, 1, 2};
  EXPECT_EQ(explain_image(RegressionSums(sums, 3), other_order, Negative::allow).factors[0], 0);
}

TEST(ImageRegression, negative_factors_are_kept_out_where_asked) {
  auto const sums = sums_of(0, [](auto const& v, int) { return 2 * v[0] - v[1] + 35; });
  for (Negative const negative : {Negative::forbid, Negative::forbid_when_noisy}) {
    auto const line = explain_image(RegressionSums(sums, 3), farthest, negative);
    EXPECT_GT(line.factors[0], 1);
    EXPECT_EQ(line.factors[1], 0);
    EXPECT_GT(line.residual, 10);
  }
}

TEST(ImageRegression, without_contrast_or_cells_the_change_is_an_offset) {
  std::vector<ExactSum> sums(RegressionSums::count(1));
  std::vector<int> const order = {0};
  EXPECT_EQ(explain_image(RegressionSums(sums, 1), order, Negative::allow).factors[0], 0);
  for (int i = 0; i < 5; ++i)
    RegressionSums::add(std::span(sums), std::span<int const>(std::vector<int>{700}), 750 + i);
  auto const line = explain_image(RegressionSums(sums, 1), order, Negative::allow);
  EXPECT_EQ(line.factors[0], 1);
  EXPECT_NEAR(line.offset, 52, 1e-9);
}

}  // namespace
}  // namespace stfcube
