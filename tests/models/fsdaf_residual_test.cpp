#include "stfcube/models/classical/fsdaf_residual.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

constexpr double cap = 10;

/// Four pixels: fine 1000, no change of the class, wide limits.
FsdafCell cell(std::vector<double> const& homogeneity, std::vector<double> const& spatial) {
  FsdafCell pixels(4);
  pixels.count = 4;
  for (std::size_t i = 0; i < 4; ++i) {
    pixels.homogeneity[i] = homogeneity[i];
    pixels.fine[i] = 1000;
    pixels.spatial[i] = spatial[i];
    pixels.lowest[i] = -5000;
    pixels.highest[i] = 20000;
  }
  return pixels;
}

void expect_changes(FsdafCell const& pixels, std::vector<double> const& expected, double tolerance = 1e-4) {
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(pixels.change[i], expected[i], tolerance) << i;
}

TEST(FsdafResidual, homogeneous_pixels_follow_the_spatial_prediction) {
  auto pixels = cell({1, 1, 1, 1}, {1010, 1020, 1030, 1040});
  pixels.share_residual(100, cap, {});
  expect_changes(pixels, {40, 80, 120, 160});
}

TEST(FsdafResidual, mixed_pixels_share_alike) {
  auto pixels = cell({0, 0, 0, 0}, {1010, 1020, 1030, 4000});
  pixels.share_residual(-60, cap, {});
  expect_changes(pixels, {-60, -60, -60, -60});
}

TEST(FsdafResidual, a_spatial_prediction_that_goes_the_other_way_counts_as_none) {
  auto pixels = cell({1, 1, 1, 1}, {900, 1020, 800, 1020});
  pixels.share_residual(50, cap, {});
  expect_changes(pixels, {0, 100, 0, 100});
  pixels = cell({1, 1, 1, 1}, {900, 1020, 900, 1020});
  pixels.share_residual(-50, cap, {});
  expect_changes(pixels, {-100, 0, -100, 0});
}

TEST(FsdafResidual, weights_above_the_cap_become_that_of_the_mean) {
  auto pixels = cell({1, 1, 1, 1}, {1400, 1001, 1001, 1001});
  pixels.share_residual(40, 3, {});
  // Weights 400, 1, 1, 1 over their mean: the first is 3.97, which becomes 1.
  double const small = 1 / 100.75, mean = (1 + 3 * small) / 4;
  expect_changes(pixels, {40 / mean, 40 * small / mean, 40 * small / mean, 40 * small / mean});
}

TEST(FsdafResidual, the_mean_over_the_cell_is_the_coarse_change) {
  auto pixels = cell({0.2, 0.9, 0.5, 1}, {1300, 700, 1001, 1050});
  pixels.change = {10, -20, 300, 40};
  pixels.share_residual(123, cap, {});
  EXPECT_NEAR(pixels.change[0] + pixels.change[1] + pixels.change[2] + pixels.change[3], 4 * 123, 1e-9);
}

TEST(FsdafResidual, predictions_stay_within_the_range_and_what_occurs) {
  auto pixels = cell({0, 0, 0, 0}, {0, 0, 0, 0});
  pixels.highest[0] = 1020;
  pixels.fine[1] = 15990;
  pixels.share_residual(60, cap, {});
  expect_changes(pixels, {20, 10, 60, 60});
}

TEST(FsdafResidual, without_a_residual_nothing_is_shared) {
  auto pixels = cell({0.5, 1, 0, 1}, {1300, 700, 1000, 1050});
  pixels.change = {7, 7, 7, 7};
  pixels.share_residual(7, cap, {});
  expect_changes(pixels, {7, 7, 7, 7}, 0);
}

}  // namespace
}  // namespace stfcube
