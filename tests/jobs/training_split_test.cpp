#include "stfcube/jobs/training_split.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using ::testing::HasSubstr;

Grid grid_of(int width, int height) {
  Grid grid;
  grid.x0 = 1000;
  grid.y0 = 2000;
  grid.dx = grid.dy = 10;
  grid.width = width;
  grid.height = height;
  return grid;
}

std::vector<Pair> four_pairs() {
  return {{{0}, 0, 0}, {{8}, 1, 1}, {{16}, 2, 2}, {{24}, 3, 3}};
}

TrainingSpec spec_of(double share) {
  TrainingSpec spec;
  spec.patch_px = 30;
  spec.validation_share = share;
  return spec;
}

TEST(TrainingSplit, patches_are_whole_coarse_cells_on_coarse_cells) {
  TrainingSplit const split(spec_of(0), grid_of(128, 96), 8, four_pairs(), 90);
  EXPECT_EQ(split.patch_px(), 32);
  auto const pool = split.training();
  EXPECT_EQ(pool.triples.size(), 4U);
  EXPECT_EQ(pool.places.size(), 7U * 5);
  for (Rect const& px : pool.places) {
    EXPECT_EQ(px.x % 8, 0);
    EXPECT_EQ(px.y % 8, 0);
    EXPECT_TRUE((Rect{0, 0, 128, 96}.contains(px)));
  }
  EXPECT_TRUE(split.withheld_places().places.empty());
}

TEST(TrainingSplit, training_touches_no_withheld_block) {
  TrainingSplit const split(spec_of(0.25), grid_of(256, 256), 8, four_pairs(), 90);
  auto const training = split.training().places, withheld = split.withheld_places().places;
  EXPECT_FALSE(training.empty());
  // 4 of 16 blocks of two patches a side, nine half-overlapping places in each.
  EXPECT_EQ(withheld.size(), 4U * 9);
  for (Rect const& judged : withheld) {
    for (Rect const& seen : training) EXPECT_TRUE(intersect(seen, judged).empty());
  }
}

TEST(TrainingSplit, training_touches_no_withheld_region) {
  auto spec = spec_of(0);
  spec.withheld_regions = {{1000, 1360, 1640, 2000}};  // columns 0 to 63, rows 0 to 63
  TrainingSplit const split(spec, grid_of(128, 128), 8, four_pairs(), 90);
  for (Rect const& px : split.training().places) EXPECT_TRUE(intersect(px, {0, 0, 64, 64}).empty());
  EXPECT_EQ(split.withheld_places().places.size(), 9U);
}

TEST(TrainingSplit, withheld_dates_are_neither_labels_nor_references_of_training) {
  auto spec = spec_of(0);
  spec.validation_dates = {{8}};
  TrainingSplit const split(spec, grid_of(128, 128), 8, four_pairs(), 90);
  for (auto const& triple : split.training().triples) {
    EXPECT_NE(triple.target.date, (Date{8}));
    EXPECT_NE(triple.first.date, (Date{8}));
    EXPECT_TRUE(!triple.second || triple.second->date != (Date{8}));
  }
  auto const judged = split.withheld_dates();
  ASSERT_EQ(judged.triples.size(), 1U);
  EXPECT_EQ(judged.triples[0].target.date, (Date{8}));
}

void expect_refusal(TrainingSpec const& spec, Grid const& grid, std::string const& text) {
  try {
    TrainingSplit(spec, grid, 8, four_pairs(), 90);
    FAIL() << text;
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_THAT(error.what(), HasSubstr(text));
  }
}

TEST(TrainingSplit, refuses_what_does_not_fit_the_archive) {
  expect_refusal(spec_of(0), grid_of(31, 64), "do not fit a grid of 31 x 64");
  auto spec = spec_of(0);
  spec.validation_dates = {{9}};
  expect_refusal(spec, grid_of(64, 64), "no pair of fine and coarse scenes on 1970-01-10");
  spec = spec_of(0);
  spec.withheld_regions = {{0, 0, 10, 10}};
  expect_refusal(spec, grid_of(64, 64), "outside the grid");
}

}  // namespace
}  // namespace stfcube
