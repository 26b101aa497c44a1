#include "stfcube/partitioning/grid/grid.hpp"

#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using ::testing::HasSubstr;

Grid example() {
  return {.crs_wkt = "PROJCRS[\"WGS 84 / UTM zone 55S\",...]",
          .x0 = 380000,
          .y0 = 6160000,
          .dx = 30,
          .dy = 30,
          .width = 100,
          .height = 50};
}

TEST(Grid, centres_lie_half_a_pixel_inside) {
  EXPECT_EQ(example().centre_x(0), 380015);
  EXPECT_EQ(example().centre_y(0), 6159985);
  EXPECT_EQ(example().centre_y(49), 6160000 - 49.5 * 30);
}

TEST(Grid, coarse_grid_covers_the_fine_one) {
  Grid const coarse = coarse_grid(example(), 16);
  EXPECT_EQ(coarse.width, 7);
  EXPECT_EQ(coarse.height, 4);
  EXPECT_EQ(coarse.dx, 480);
  EXPECT_EQ(coarse.x0, 380000);
  EXPECT_EQ(coarse.y0, 6160000);
  EXPECT_EQ(coarse_grid(example(), 1).width, 100);
  EXPECT_THROW(coarse_grid(example(), 0), Error);
}

TEST(Grid, cells_touch_the_pixels_and_stay_on_the_grid) {
  Grid const coarse = coarse_grid(example(), 16);
  EXPECT_EQ(coarse_cells({16, 16, 16, 16}, 16, 0, coarse), (Rect{1, 1, 1, 1}));
  EXPECT_EQ(coarse_cells({15, 16, 18, 16}, 16, 0, coarse), (Rect{0, 1, 3, 1}));
  EXPECT_EQ(coarse_cells({16, 16, 16, 16}, 16, 1, coarse), (Rect{0, 0, 3, 3}));
  EXPECT_EQ(coarse_cells({0, 0, 100, 50}, 16, 2, coarse), (Rect{0, 0, 7, 4}));
}

std::string message_of(std::function<void(Grid&)> const& spoil) {
  Grid grid = example();
  spoil(grid);
  try {
    check(grid);
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    return error.what();
  }
  return "no error";
}

TEST(Grid, check_names_what_is_wrong) {
  EXPECT_EQ(message_of([](Grid&) {}), "no error");
  EXPECT_THAT(message_of([](Grid& g) { g.dx = 0; }), HasSubstr("grid.resolution"));
  EXPECT_THAT(message_of([](Grid& g) { g.dy = -30; }), HasSubstr("30 x -30"));
  EXPECT_THAT(message_of([](Grid& g) { g.dx = std::numeric_limits<double>::quiet_NaN(); }),
              HasSubstr("pixel size"));
  EXPECT_THAT(message_of([](Grid& g) { g.dx = std::numeric_limits<double>::infinity(); }),
              HasSubstr("pixel size"));
  EXPECT_THAT(message_of([](Grid& g) { g.width = 0; }), HasSubstr("0 x 50 pixels"));
  EXPECT_THAT(message_of([](Grid& g) { g.height = -1; }), HasSubstr("grid.bounds"));
  EXPECT_THAT(message_of([](Grid& g) { g.width = g.height = 2000000; }), HasSubstr("more than 1e+12"));
}

TEST(Grid, description_is_for_people) {
  EXPECT_EQ(describe(example()),
            "100 x 50 pixels of 30 x 30 m, corner (380000, 6160000), WGS 84 / UTM zone 55S");
  Grid grid = example();
  grid.crs_wkt.clear();
  grid.geographic = true;
  EXPECT_THAT(describe(grid), HasSubstr("degrees"));
  EXPECT_THAT(describe(grid), HasSubstr("no CRS"));
}

}  // namespace
}  // namespace stfcube
