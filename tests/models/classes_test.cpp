#include "stfcube/models/classical/classes.hpp"

#include <algorithm>
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using testing::golden_date;
using testing::golden_input;

/// All rounds over tiles of `side` pixels.
FineClasses classes_of(FusionInput const& whole, ClassSettings const& settings,
                       int side = testing::golden_size) {
  FineClasses classes(settings);
  while (!classes.done()) {
    Statistics statistics;
    for (int y = 0; y < whole.scene_px.height; y += side) {
      for (int x = 0; x < whole.scene_px.width; x += side) {
        Rect const px = intersect({x, y, side, side}, whole.scene_px);
        classes.observe(testing::tile_of(whole, px, {}), statistics);
      }
    }
    classes.prepare(statistics);
  }
  return classes;
}

std::vector<std::int64_t> counts(std::vector<std::int16_t> const& labels, int classes) {
  std::vector<std::int64_t> numbers;
  for (int c = 0; c < classes; ++c)
    numbers.push_back(std::ranges::count(labels, static_cast<std::int16_t>(c)));
  return numbers;
}

TEST(FineClasses, golden_scene_has_the_centres_of_the_specs) {
  FusionInput const whole = golden_input({0});
  FineClasses const classes = classes_of(whole, {.classes = 3});
  EXPECT_EQ(classes.assignments(golden_date(0)), 2);
  ASSERT_EQ(classes.count(golden_date(0)), 3);
  std::array<double, 9> const expected = {399.8484,  299.5067,  151.9154,  599.6856, 450.3540,
                                          2600.3614, 1099.9288, 1500.5360, 2199.4590};
  for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(classes.centres(golden_date(0))[i], expected[i], 5e-5) << i;
  EXPECT_THAT(counts(classes.labels(whole, 0), 3), ElementsAre(1194, 1212, 1194));
}

TEST(FineClasses, tiles_change_nothing_and_every_date_has_its_own) {
  FusionInput const whole = golden_input({0, 2});
  FineClasses const one = classes_of(whole, {.classes = 5});
  FineClasses const tiled = classes_of(whole, {.classes = 5}, 20);
  for (int k : {0, 2}) {
    EXPECT_EQ(one.centres(golden_date(k)), tiled.centres(golden_date(k)));
    EXPECT_EQ(one.assignments(golden_date(k)), tiled.assignments(golden_date(k)));
  }
  EXPECT_NE(one.centres(golden_date(0)), one.centres(golden_date(2)));
  auto const labels = one.labels(whole, 1);
  auto const part = one.labels(testing::tile_of(whole, {13, 27, 21, 18}, {}), 1);
  for (int y = 0; y < 18; ++y) {
    for (int x = 0; x < 21; ++x)
      ASSERT_EQ(part[static_cast<std::size_t>(y * 21 + x)],
                labels[static_cast<std::size_t>((y + 27) * 60 + x + 13)]);
  }
}

TEST(FineClasses, invalid_pixels_have_none_and_count_for_nothing) {
  FusionInput whole = golden_input({0});
  for (int band = 0; band < 3; ++band) {
    for (int x = 0; x < 60; ++x) whole.fine.dn.at(0, band, 10, x) = no_data_dn;
  }
  FineClasses const classes = classes_of(whole, {.classes = 3});
  for (double const centre : classes.centres(golden_date(0))) EXPECT_GT(centre, 100);
  auto const labels = classes.labels(whole, 0);
  EXPECT_EQ(std::ranges::count(labels, std::int16_t{-1}), 60);
  EXPECT_EQ(labels[600], -1);
}

TEST(FineClasses, equal_pixels_are_one_class) {
  FusionInput whole = golden_input({0});
  whole.fine.dn.fill(700);
  FineClasses const classes = classes_of(whole, {.classes = 4});
  EXPECT_EQ(classes.count(golden_date(0)), 1);
  EXPECT_THAT(classes.centres(golden_date(0)), ElementsAre(700, 700, 700));
}

TEST(FineClasses, an_image_without_a_valid_pixel_has_none) {
  FusionInput whole = golden_input({0});
  whole.fine.dn.fill(no_data_dn);
  FineClasses const classes = classes_of(whole, {.classes = 4});
  EXPECT_EQ(classes.count(golden_date(0)), 0);
  EXPECT_EQ(std::ranges::count(classes.labels(whole, 0), std::int16_t{-1}), 3600);
}

TEST(FineClasses, a_sample_is_enough_and_depends_on_no_tile) {
  FusionInput const whole = golden_input({0});
  FineClasses const all = classes_of(whole, {.classes = 3});
  FineClasses const some = classes_of(whole, {.classes = 3, .sample = 7});
  EXPECT_EQ(some.centres(golden_date(0)),
            classes_of(whole, {.classes = 3, .sample = 7}, 30).centres(golden_date(0)));
  EXPECT_NE(some.centres(golden_date(0)), all.centres(golden_date(0)));
  for (std::size_t i = 0; i < 9; ++i)
    EXPECT_NEAR(some.centres(golden_date(0))[i], all.centres(golden_date(0))[i], 5) << i;
}

TEST(FineClasses, a_class_map_may_use_any_numbers) {
  FusionInput whole = golden_input({0});
  whole.classes = Stack<std::int32_t>(1, 1, 60, 60);
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) whole.classes.at(0, 0, y, x) = x < 10 ? -1 : x < 30 ? 70000 : 12;
  }
  whole.fine.dn.at(0, 0, 3, 40) = no_data_dn;
  FineClasses const classes = classes_of(whole, {.class_map = true}, 20);
  EXPECT_EQ(classes.count(golden_date(0)), 2);
  auto const labels = classes.labels(whole, 0);
  EXPECT_EQ(labels[9], -1);
  EXPECT_EQ(labels[10], 1);
  EXPECT_EQ(labels[30], 0);
  EXPECT_EQ(labels[3 * 60 + 40], -1);
}

TEST(FineClasses, a_map_of_parcels_is_refused) {
  FusionInput whole = golden_input({0});
  whole.classes = Stack<std::int32_t>(1, 1, 60, 60);
  std::ranges::generate(whole.classes.all(), [next = 0]() mutable { return next++ % 65; });
  EXPECT_THROW(classes_of(whole, {.class_map = true}), Error);
}

TEST(NearestCentres, the_lower_class_of_equals_wins_far_into_a_row) {
  std::vector<Dn> values(600, 10);
  values[599] = 31;
  std::array<Dn const*, 1> const bands = {values.data()};
  std::vector<std::int16_t> labels(600);
  nearest_centres(bands, 600, std::array<double, 3>{20, 0, 40}, labels.data());
  EXPECT_EQ(labels[0], 0);
  EXPECT_EQ(labels[598], 0);
  EXPECT_EQ(labels[599], 2);
}

}  // namespace
}  // namespace stfcube
