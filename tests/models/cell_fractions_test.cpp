#include "stfcube/models/classical/cell_fractions.hpp"

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

}  // namespace
}  // namespace stfcube
