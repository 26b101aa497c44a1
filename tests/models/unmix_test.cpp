#include "stfcube/models/classical/unmix.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

using testing::golden_input;

constexpr Rect scene_cells{0, 0, 6, 6};

/// Labels of columns: a third of the pixels each, in stripes that fit no cell.
std::vector<std::int16_t> stripes() {
  std::vector<std::int16_t> labels;
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) labels.push_back(static_cast<std::int16_t>(((x + y / 3) / 7 + y / 9) % 3));
  }
  return labels;
}

/// One band whose cells are the shares times the class values.
CellValues mixed(CellFractions const& fractions, std::array<double, 3> const& e) {
  CellValues values{1, {}, std::vector<std::uint8_t>(fractions.size(), 1)};
  for (std::size_t cell = 0; cell < fractions.size(); ++cell) {
    double sum = 0;
    for (std::size_t c = 0; c < 3; ++c)
      sum += e[c] * fractions.shares[c * fractions.size() + cell] / static_cast<double>(fractions.scale);
    values.values.push_back(static_cast<std::int32_t>(std::lround(sum)));
  }
  return values;
}

TEST(Unmix, exact_mixtures_are_resolved) {
  auto const fractions = block_fractions(count_cell_classes(golden_input({0}), stripes(), 3));
  auto const values = mixed(fractions, {300000, 500000, 900000});
  UnmixSettings const settings{.radius = 2, .ridge = 0};
  auto const result =
      unmix(fractions, values, 1e-3, std::vector<double>{0, 0, 0}, settings, scene_cells, scene_cells);
  for (std::size_t cell = 0; cell < 36; ++cell) {
    EXPECT_NEAR(result.value(0, 0, cell), 300, 0.02) << cell;
    EXPECT_NEAR(result.value(0, 1, cell), 500, 0.02) << cell;
    EXPECT_NEAR(result.value(0, 2, cell), 900, 0.02) << cell;
    EXPECT_LT(result.residual[cell], 0.01);
  }
}

TEST(Unmix, a_strong_ridge_gives_the_prior) {
  auto const fractions = block_fractions(count_cell_classes(golden_input({0}), stripes(), 3));
  auto const values = mixed(fractions, {300, 500, 900});
  UnmixSettings const settings{.radius = 2, .ridge = 1e12};
  auto const result =
      unmix(fractions, values, 1, std::vector<double>{7, 8, 9}, settings, scene_cells, scene_cells);
  EXPECT_NEAR(result.value(0, 0, 20), 7, 1e-6);
  EXPECT_NEAR(result.value(0, 2, 20), 9, 1e-6);
}

TEST(Unmix, one_class_is_the_mean_of_the_window_and_the_prior) {
  FusionInput const whole = golden_input({0});
  auto const fractions = block_fractions(count_cell_classes(whole, std::vector<std::int16_t>(3600, 0), 1));
  auto values = coarse_values(whole, scene_cells, 1, -1);
  values.valid[7] = 0;
  UnmixSettings const settings{.radius = 1, .ridge = 2.5};
  std::vector<double> const prior = {50, 60, 70};
  auto const result = unmix(fractions, values, 1, prior, settings, scene_cells, scene_cells);
  double const corner = values.values[0] + values.values[1] + values.values[6];
  EXPECT_DOUBLE_EQ(result.value(0, 0, 0), (corner + 2.5 * 50) / (3 + 2.5));
  EXPECT_EQ(result.used[0], 3);
}

TEST(Unmix, windows_without_a_valid_cell_have_no_value) {
  FusionInput const whole = golden_input({0});
  auto const fractions = block_fractions(count_cell_classes(whole, stripes(), 3));
  auto values = coarse_values(whole, scene_cells, 1, -1);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) values.valid[static_cast<std::size_t>(6 * y + x)] = 0;
  }
  auto const result =
      unmix(fractions, values, 1, std::vector<double>(9, 100.0), {.radius = 1}, scene_cells, scene_cells);
  EXPECT_TRUE(std::isnan(result.value(0, 0, 7)));
  EXPECT_FALSE(std::isnan(result.value(0, 0, 3)));
  EXPECT_EQ(result.used[3], 2);
}

TEST(Unmix, rare_classes_keep_their_prior) {
  FusionInput const whole = golden_input({0});
  std::vector<std::int16_t> labels(3600, 0);
  for (std::size_t i = 0; i < 9; ++i) labels[i] = 1;  // 9 of 100 in the first cell, 10 in the last
  for (std::size_t i = 0; i < 10; ++i) labels[3599 - i] = 1;
  auto const fractions = block_fractions(count_cell_classes(whole, labels, 2));
  auto const values = coarse_values(whole, scene_cells, 1, -1);
  UnmixSettings const settings{.radius = 1, .ridge = 1, .smallest_share = 0.1};
  auto const result =
      unmix(fractions, values, 1, std::vector<double>(6, 321.0), settings, scene_cells, scene_cells);
  EXPECT_EQ(result.value(0, 1, 0), 321);
  EXPECT_NE(result.value(0, 1, 35), 321);
}

TEST(Unmix, bounds_hold) {
  auto const fractions = block_fractions(count_cell_classes(golden_input({0}), stripes(), 3));
  auto const values = mixed(fractions, {-300, 500, 12000});
  UnmixSettings const settings{.radius = 2, .ridge = 0.01, .bounds = {{0, 10000}}};
  auto const result =
      unmix(fractions, values, 1, std::vector<double>{0, 500, 9000}, settings, scene_cells, scene_cells);
  EXPECT_EQ(result.value(0, 0, 14), 0);
  EXPECT_EQ(result.value(0, 2, 14), 10000);
  EXPECT_GT(result.residual[14], 10);
}

TEST(Unmix, missing_cells_are_our_own_fault) {
  auto const fractions = block_fractions(count_cell_classes(golden_input({0}), stripes(), 3));
  auto const values = mixed(fractions, {300, 500, 900});
  EXPECT_THROW(unmix(fractions, values, 1, std::vector<double>(3), {.radius = 1}, {0, 0, 7, 6}, scene_cells),
               Error);
}

}  // namespace
}  // namespace stfcube
