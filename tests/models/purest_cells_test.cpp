#include "stfcube/models/classical/purest_cells.hpp"

#include <algorithm>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace stfcube
