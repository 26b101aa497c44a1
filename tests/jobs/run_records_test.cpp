#include "stfcube/jobs/run_records.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

Plan small_plan() {
  Grid grid;
  grid.width = grid.height = 100;
  return make_plan(grid, 2, {.tile_px = 50, .chunk_y = 50, .chunk_x = 50, .slab_dates = 1});
}

nlohmann::json json_in(std::filesystem::path const& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(std::string{std::istreambuf_iterator<char>(file), {}});
}

TEST(RunRecords, status_tells_what_was_done_before_and_now) {
  WorkDirectory const place(testing::fresh_folder() / "cube.nc", testing::world());
  Plan const plan = small_plan();
  RunRecords records(
      place, plan,
      {.units = 8, .units_before = 3, .pixel_values = 1000, .ranks = 2, .threads = 4, .writer = "staged"});
  EXPECT_EQ(json_in(place.file(status_file))["state"], "running");
  records.unit_done({2, 400});
  records.note("stopped");
  auto const status = json_in(place.file(status_file));
  EXPECT_EQ(status["state"], "stopped");
  EXPECT_EQ(status["units"], 8);
  EXPECT_EQ(status["units_done"], 5);
  EXPECT_EQ(status["ranks"], 2);
  EXPECT_GT(status["pixel_values_per_second"], 0.0);
  place.clear();
}

TEST(RunRecords, failed_units_are_listed_once_for_good) {
  WorkDirectory const place(testing::fresh_folder() / "cube.nc", testing::world());
  Plan const plan = small_plan();
  RunRecords records(place, plan, {.units = 8});
  records.unit_failed({{1, 1}, 1, "no such file"});
  EXPECT_TRUE(noted_failures(place.file("")).empty());
  records.unit_failed({{1, 1}, 2, "still no \"file\""});
  std::ofstream(place.file(failed_units_file), std::ios::app) << "{\"for_good\": tr";  // torn
  auto const noted = noted_failures(place.file(""));
  ASSERT_EQ(noted.size(), 1U);
  EXPECT_EQ(noted[0].unit, 3);
  EXPECT_EQ(noted[0].tile, "x001y000");
  EXPECT_EQ(noted[0].slab, 1);
  EXPECT_EQ(noted[0].reason, "still no \"file\"");
  place.clear();
}

TEST(RunRecords, lines_for_the_cube_hold_nothing_of_where_and_when) {
  Plan const plan = small_plan();
  EXPECT_EQ(failed_lines({}, plan), "");
  EXPECT_EQ(failed_lines({{{1, 0}, 2, "on node7"}, {{2, 1}, 2, "later"}}, plan),
            "x001y000 slab 0\nx000y001 slab 1");
}

}  // namespace
}  // namespace stfcube
