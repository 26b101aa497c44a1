#include "stfcube/models/classical/unmix.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/classes.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
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

TEST(CellFractions, counts_are_of_whole_cells_alone) {
  FusionInput const whole = golden_input({0});
  auto const labels = stripes();
  auto const all = count_cell_classes(whole, labels, 3);
  EXPECT_EQ(all.cells, scene_cells);
  EXPECT_THAT(all.valid, ::testing::Each(100));
  FusionInput const tile = testing::tile_of(whole, {9, 10, 32, 30}, {});
  std::vector<std::int16_t> part;
  for (int y = 10; y < 40; ++y) {
    for (int x = 9; x < 41; ++x) part.push_back(labels[static_cast<std::size_t>(y * 60 + x)]);
  }
  auto const some = count_cell_classes(tile, part, 3);
  EXPECT_EQ(some.cells, (Rect{1, 1, 3, 3}));
  for (int c = 0; c < 3; ++c) EXPECT_EQ(some.of_class(c)[some.at(2, 3)], all.of_class(c)[all.at(2, 3)]);
  EXPECT_THROW(some.at(0, 1), Error);
}

TEST(CellFractions, golden_scene_has_those_of_the_specs) {
  FusionInput const whole = golden_input({0});
  FineClasses classes({.classes = 3});
  while (!classes.done()) {
    Statistics statistics;
    classes.observe(whole, statistics);
    classes.prepare(statistics);
  }
  auto const counts = count_cell_classes(whole, classes.labels(whole, 0), 3);
  auto const at = [&](int column, int row) {
    std::vector<int> of_cell;
    for (int c = 0; c < 3; ++c) of_cell.push_back(counts.of_class(c)[counts.at(column, row)]);
    return of_cell;
  };
  EXPECT_THAT(at(0, 0), ElementsAre(87, 11, 2));
  EXPECT_THAT(at(1, 1), ElementsAre(29, 8, 63));
}

TEST(CellFractions, pixels_without_a_class_do_not_count) {
  FusionInput const whole = golden_input({0});
  auto labels = stripes();
  for (std::size_t y = 0; y < 10; ++y) {
    for (std::size_t x = 0; x < 10; ++x) labels[y * 60 + x] = x < 6 ? -1 : x < 8 ? 1 : 2;
    for (std::size_t x = 10; x < 20; ++x) labels[y * 60 + x] = x < 15 ? -1 : 0;
  }
  auto const counts = count_cell_classes(whole, labels, 3);
  auto const fractions = block_fractions(counts);
  EXPECT_FALSE(fractions.usable[0]);  // 40 of 100
  EXPECT_TRUE(fractions.usable[1]);   // 50 of 100
  EXPECT_EQ(fractions.shares[1], fractions.scale);
  EXPECT_EQ(fractions.shares[36], fractions.scale / 2);
}

TEST(CellFractions, the_point_spread_function_looks_at_neighbours) {
  FusionInput const whole = golden_input({0});
  std::vector<std::int16_t> labels(3600, 0);
  for (std::size_t y = 0; y < 60; ++y) {
    for (std::size_t x = 20; x < 30; ++x) labels[y * 60 + x] = 1;
  }
  auto const fractions = psf_fractions(whole, labels, 2);
  auto const share = [&](std::size_t column) {
    return fractions.shares[36 + 6 * 2 + column] / static_cast<double>(fractions.scale);
  };
  // The share of a normal distribution of sigma 1/2 within 1/2 of its centre, of that within 3/2.
  double const within = std::erf(1 / std::sqrt(2.0)), all = std::erf(3 / std::sqrt(2.0));
  EXPECT_NEAR(share(2), within / all, 2e-3);
  EXPECT_NEAR(share(1), (1 - within / all) / 2, 2e-3);
  EXPECT_EQ(share(4), 0);
  FusionInput const tile = testing::tile_of(whole, {10, 10, 30, 30}, {});
  auto const inner = psf_fractions(tile, std::vector<std::int16_t>(900, 0), 1);
  EXPECT_EQ(inner.cells, (Rect{2, 2, 1, 1}));
}

TEST(PurestCells, ties_are_included) {
  EXPECT_EQ(purest_count({{3, 4}, {70, 2}, {90, 1}, {100, 3}}, 4), 90);
  EXPECT_EQ(purest_count({{3, 4}, {70, 2}, {90, 1}, {100, 3}}, 2), 100);
  EXPECT_EQ(purest_count({{3, 4}, {70, 2}}, 100), 3);
  EXPECT_EQ(purest_count({}, 100), 0);
}

TEST(PurestCells, means_are_those_of_a_plain_search_whatever_the_tiles) {
  FusionInput const whole = golden_input({0});
  auto const labels = stripes();
  StatZones const zones(0);
  auto const counts = count_cell_classes(whole, labels, 3);
  auto const values = coarse_values(whole, scene_cells, 1, 0);
  for (int const side : {60, 20, 30}) {
    Statistics statistics;
    for (int y = 0; y < 60; y += side) {
      for (int x = 0; x < 60; x += side) {
        FusionInput const tile = testing::tile_of(whole, {x, y, side, side}, {});
        std::vector<std::int16_t> part;
        for (int py = y; py < y + side; ++py) {
          for (int px = x; px < x + side; ++px)
            part.push_back(labels[static_cast<std::size_t>(py * 60 + px)]);
        }
        auto const of_tile = count_cell_classes(tile, part, 3);
        observe_purest(zones, "prior", of_tile, coarse_values(tile, of_tile.cells, 1, 0), 4, statistics);
      }
    }
    auto const means = purest_means(zones, {}, "prior", 4, 3, 4, statistics);
    ASSERT_THAT(means, ::testing::SizeIs(12));
    for (int c = 0; c < 3; ++c) {
      std::vector<int> sorted(counts.of_class(c).begin(), counts.of_class(c).end());
      std::ranges::sort(sorted, std::greater<>());
      double sum = 0, cells = 0;
      for (std::size_t cell = 0; cell < 36; ++cell) {
        if (counts.of_class(c)[cell] < sorted[3]) continue;
        sum += values.values[2 * 36 + cell];
        ++cells;
      }
      EXPECT_DOUBLE_EQ(means[8 + static_cast<std::size_t>(c)], sum / cells) << side << ' ' << c;
    }
    double sum = 0;
    for (std::size_t cell = 0; cell < 36; ++cell) sum += values.values[72 + cell];
    EXPECT_DOUBLE_EQ(means[11], sum / 36);  // a class without a cell: all cells
    EXPECT_THAT(purest_means(zones, {}, "other", 3, 3, 4, statistics), ::testing::IsEmpty());
  }
}

TEST(PurestCells, priors_of_zones_are_interpolated) {
  FusionInput const whole = golden_input({0});
  StatZones const zones(20);
  auto const counts = count_cell_classes(whole, std::vector<std::int16_t>(3600, 0), 1);
  CellValues values{1, std::vector<std::int32_t>(36), std::vector<std::uint8_t>(36, 1)};
  for (std::size_t i = 0; i < 36; ++i) values.values[i] = static_cast<std::int32_t>(100 * (i % 6));
  Statistics statistics;
  observe_purest(zones, "prior", counts, values, 1, statistics);
  // Zone 1 of three takes the columns 1 ... 4 (of 10 pixels), zone 0 the columns 0 ... 2.
  EXPECT_THAT(purest_means(zones, {1, 1}, "prior", 1, 1, 1, statistics), ElementsAre(250));
  EXPECT_THAT(purest_means(zones, {0, 0}, "prior", 1, 1, 1, statistics), ElementsAre(100));
  auto const prior = purest_prior(zones, "prior", 1, 1, 1, statistics, whole, {1, 1, 2, 1});
  // Cell 1 is represented by its pixel 15, at 15.5 / 20 - 0.5 = 0.275 between the centres of zones 0 and 1.
  ASSERT_THAT(prior, ::testing::SizeIs(2));
  EXPECT_NEAR(prior[0], 100 + 0.275 * 150, 1e-9);
  EXPECT_NEAR(prior[1], 100 + 0.775 * 150, 1e-9);
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
