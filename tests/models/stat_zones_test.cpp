#include "stfcube/models/stat_zones.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Zone = StatZones::Zone;

TEST(StatZones, a_scene_is_one_zone) {
  StatZones const scene(0);
  auto const pieces = scene.pieces("sigma", {5, 6, 70, 80});
  ASSERT_THAT(pieces, SizeIs(1));
  EXPECT_EQ(pieces[0].px, (Rect{5, 6, 70, 80}));
  EXPECT_EQ(pieces[0].name, "sigma");
  auto const mixture = scene.at({0, 0, 100, 100}, 3, 99);
  EXPECT_THAT(mixture.weights, ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(scene.zones_of({0, 0, 100, 100}, {5, 5, 9, 9}), ElementsAre(Zone{}));
}

TEST(StatZones, pieces_cover_a_rectangle_once) {
  StatZones const zones(20);
  Rect const px{7, 13, 30, 18};
  std::int64_t area = 0;
  for (auto const& piece : zones.pieces("s", px)) {
    area += piece.px.area();
    EXPECT_TRUE(px.contains(piece.px));
    EXPECT_EQ(piece.px.x / 10, (piece.px.right() - 1) / 10);
    EXPECT_EQ(piece.name, "s/" + std::to_string(piece.px.x / 10) + "," + std::to_string(piece.px.y / 10));
  }
  EXPECT_EQ(area, px.area());
}

TEST(StatZones, a_zone_sums_itself_and_half_a_zone_around) {
  StatZones const zones(20);
  Statistics statistics;
  for (int y = 0; y < 100; ++y) {
    for (int x = 0; x < 100; ++x) {
      for (auto const& piece : zones.pieces("n", {x, y, 1, 1})) {
        statistics.row(piece.name, 1)[0] += 1;
        ++statistics.tally(piece.name)[x];
      }
    }
  }
  EXPECT_EQ(static_cast<int>(zones.sum(statistics, "n", {2, 2})[0]), 40 * 40);
  EXPECT_EQ(static_cast<int>(zones.sum(statistics, "n", {0, 2})[0]), 30 * 40);  // nothing beyond the scene
  Tally const tally = zones.tally(statistics, "n", {2, 2});
  EXPECT_EQ(tally.begin()->first, 30);
  EXPECT_EQ(tally.rbegin()->first, 69);
  EXPECT_TRUE(zones.sum(statistics, "other", {2, 2}).empty());
}

TEST(StatZones, values_are_interpolated_between_centres) {
  StatZones const zones(20);
  Rect const scene{0, 0, 100, 60};
  // Zone centres lie between pixels 9 and 10, 29 and 30, ...
  auto const value = [&](int x, int y) {
    auto const mixture = zones.at(scene, x, y);
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i)
      sum += mixture.weights[i] * (mixture.zones[i].column + 10 * mixture.zones[i].row);
    return sum;
  };
  EXPECT_DOUBLE_EQ(value(29, 30), (29.5 / 20 - 0.5) + 10 * (30.5 / 20 - 0.5));
  EXPECT_DOUBLE_EQ(value(0, 0), 0);  // edge zones go on to the edge
  EXPECT_DOUBLE_EQ(value(99, 59), 24);
  for (int x = 1; x < 100; ++x) EXPECT_LE(std::abs(value(x, 20) - value(x - 1, 20)), 0.051) << x;
}

TEST(StatZones, zones_of_a_rectangle_are_those_its_pixels_use) {
  StatZones const zones(20);
  Rect const scene{0, 0, 100, 60};
  EXPECT_THAT(zones.zones_of(scene, {0, 0, 10, 10}), ElementsAre(Zone{0, 0}));
  EXPECT_THAT(zones.zones_of(scene, {25, 0, 10, 5}), ElementsAre(Zone{0, 0}, Zone{1, 0}, Zone{2, 0}));
}

TEST(ZoneField, is_interpolated_over_the_zones_that_have_a_number) {
  double const none = std::numeric_limits<double>::quiet_NaN();
  Rect const scene{0, 0, 100, 60}, px{15, 25, 60, 30};
  ZoneField const field(StatZones(20), scene, px,
                        [&](Zone zone) { return zone.column == 2 ? none : 0.1 + zone.column; });
  EXPECT_DOUBLE_EQ(field.at(20, 30), 0.1 + 20.5 / 20 - 0.5);
  EXPECT_DOUBLE_EQ(field.at(40, 30), 1.1);  // between zones 1 and 2
  EXPECT_DOUBLE_EQ(field.at(60, 30), 3.1);
  ZoneField const equal(StatZones(20), scene, px, [](Zone) { return 0.1; });
  for (int x = 15; x < 75; ++x) EXPECT_EQ(equal.at(x, 33), 0.1) << x;
  ZoneField const missing(StatZones(20), scene, px, [&](Zone) { return none; });
  EXPECT_TRUE(std::isnan(missing.at(30, 30)));
}

}  // namespace
}  // namespace stfcube
