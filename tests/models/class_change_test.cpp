#include "stfcube/models/classical/class_change.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

constexpr StatZones::Zone scene_zone{0, 0};

/// Runs all rounds over the tiles of a scene with one pair.
ClassChange changes(FusionInput const& whole, ClassSettings const& class_settings,
                    ClassChangeSettings const& settings, std::vector<Rect> const& tiles) {
  FineClasses classes(class_settings);
  ClassChange change(settings);
  while (!classes.done()) {
    Statistics statistics;
    for (Rect const& core : tiles) classes.observe(testing::tile_of(whole, core, {}), statistics);
    classes.prepare(statistics);
  }
  while (!change.done()) {
    Statistics statistics;
    for (Rect const& core : tiles) {
      FusionInput const tile = testing::tile_of(whole, core, {});
      Statistics part;
      change.observe(tile, find_pairs(tile.fine.dates, tile.coarse.dates, 0).front(), classes, part);
      statistics.merge(part);
    }
    change.prepare(statistics, classes);
  }
  return change;
}

ClassSettings golden_classes() {
  ClassSettings settings;
  settings.classes = 3;
  return settings;
}

ClassChangeSettings golden_change() {
  ClassChangeSettings settings;
  settings.purest = 10;
  settings.ratio = testing::golden_ratio;
  return settings;
}

ChangeTable table(ClassChange const& change, StatZones::Zone zone = scene_zone) {
  auto const* const found = change.find(testing::golden_date(0), testing::golden_date(1), zone);
  EXPECT_NE(found, nullptr);
  return found ? *found : ChangeTable{};
}

TEST(ClassChange, has_the_golden_table) {
  auto const change =
      table(changes(testing::golden_input({0}), golden_classes(), golden_change(), {{0, 0, 60, 60}})).change;
  double const expected[3][3] = {
      {22.3926, 9.6245, 7.6954}, {-47.0487, -104.6806, 708.8713}, {136.7224, 215.3315, 247.9092}};
  ASSERT_EQ(change.size(), 12U);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t band = 0; band < 3; ++band)
      EXPECT_NEAR(change[band * 4 + c], expected[c][band], 5e-5) << c << ' ' << band;
  }
  // Without a class: the mean coarse change.
  EXPECT_DOUBLE_EQ(change[3], (27074.0 - 26061.0) / 36);
}

TEST(ClassChange, tiles_and_their_order_change_nothing) {
  FusionInput const whole = testing::golden_input({0});
  for (int const zone_px : {0, 20}) {
    auto settings = golden_change();
    settings.zone_px = zone_px;
    auto const once = changes(whole, golden_classes(), settings, {{0, 0, 60, 60}});
    auto const tiled =
        changes(whole, golden_classes(), settings, {{30, 20, 30, 40}, {0, 0, 60, 20}, {0, 20, 30, 40}});
    for (int column = 0; column < 3; ++column) {
      auto const a = table(once, {column, 1}), b = table(tiled, {column, 1});
      EXPECT_EQ(a.change, b.change);
      EXPECT_EQ(a.lowest, b.lowest);
      EXPECT_EQ(a.highest, b.highest);
    }
  }
}

/// Ratio 2, `cells` cells across in one row, one band; classes from a map; fine values 100 * (class + 1).
FusionInput strip(std::vector<std::array<int, 4>> const& classes, std::vector<Dn> const& change) {
  auto const cells = static_cast<int>(classes.size());
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, 2 * cells, 2};
  input.cells = {0, 0, cells, 1};
  input.ratio = 2;
  input.fine = {{Date{0}}, Stack<Dn>(1, 1, 2, 2 * cells)};
  input.coarse = {{Date{0}, Date{5}}, Stack<Dn>(2, 1, 1, cells)};
  input.targets = {Date{5}};
  input.classes = Stack<std::int32_t>(1, 1, 2, 2 * cells);
  for (int i = 0; i < cells; ++i) {
    input.coarse.dn.at(0, 0, 0, i) = 500;
    input.coarse.dn.at(1, 0, 0, i) = static_cast<Dn>(500 + change[static_cast<std::size_t>(i)]);
    for (int p = 0; p < 4; ++p) {
      int const c = classes[static_cast<std::size_t>(i)][static_cast<std::size_t>(p)];
      input.classes.at(0, 0, p / 2, 2 * i + p % 2) = c;
      input.fine.dn.at(0, 0, p / 2, 2 * i + p % 2) = static_cast<Dn>(100 * (c + 1));
    }
  }
  return input;
}

ChangeTable strip_table(FusionInput const& input, ClassChangeSettings settings,
                        StatZones::Zone zone = scene_zone) {
  settings.ratio = 2;
  ClassSettings classes;
  classes.class_map = true;
  auto const change = changes(input, classes, settings, {input.core_px});
  auto const* const found = change.find(Date{0}, Date{5}, zone);
  EXPECT_NE(found, nullptr);
  return found ? *found : ChangeTable{};
}

TEST(ClassChange, changes_outside_the_quantiles_are_left_out) {
  // Ten cells of one class: places 1 to 9 of the sorted changes are kept.
  std::vector<Dn> const change = {-900, 10, 20, 30, 40, 50, 60, 70, 80, 900};
  auto const found = strip_table(strip(std::vector(10, std::array{0, 0, 0, 0}), change), {});
  EXPECT_NEAR(found.change[0], (10 + 20 + 30 + 40 + 50 + 60 + 70 + 80 + 900) / 9.0, 1e-9);
}

TEST(ClassChange, purest_cells_are_taken_with_ties) {
  // The two purest cells of class 0 have three and more pixels; four cells do. Changes of 4 DN a pixel and
  // nothing in class 1, but for the cell with two pixels, which must not count.
  auto const input =
      strip({{0, 0, 0, 1}, {0, 0, 0, 1}, {0, 0, 1, 0}, {0, 0, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}},
            {12, 12, 12, 400, 0, 0});
  ClassChangeSettings settings;
  settings.purest = 2;
  settings.lowest_quantile = 0;
  settings.highest_quantile = 1;
  auto const found = strip_table(input, settings);
  EXPECT_NEAR(found.change[0], 16, 1e-9);
  EXPECT_NEAR(found.change[1], 0, 1e-9);
}

TEST(ClassChange, incomplete_cells_take_no_part) {
  auto input = strip(std::vector(5, std::array{0, 0, 0, 0}), {10, 10, 10, 10, 5000});
  input.fine.dn.at(0, 0, 1, 8) = no_data_dn;
  EXPECT_NEAR(strip_table(input, {}).change[0], 10, 1e-9);
  input.fine.dn.at(0, 0, 1, 8) = 100;
  EXPECT_GT(strip_table(input, {}).change[0], 100);
  input.coarse.dn.at(0, 0, 0, 4) = no_data_dn;
  EXPECT_NEAR(strip_table(input, {}).change[0], 10, 1e-9);
}

TEST(ClassChange, bounds_are_the_range_of_the_change_and_a_sigma_around_it) {
  // Class 1 is a quarter of one cell: without bounds its change would be 4 * 100.
  auto const input = strip({{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 1}}, {0, 0, 100});
  ClassChangeSettings settings;
  settings.lowest_quantile = 0;
  settings.highest_quantile = 1;
  double const sigma = std::sqrt((3.0 * 100 * 100 - 100 * 100) / 9);
  EXPECT_NEAR(strip_table(input, settings).change[1], 100 + sigma, 1e-9);
}

TEST(ClassChange, a_class_without_a_pure_cell_changes_as_the_mean) {
  // Class 1 is there only in cells that are not complete.
  auto input = strip({{0, 0, 0, 0}, {0, 0, 0, 0}, {1, 1, 1, 1}}, {10, 10, 70});
  input.fine.dn.at(0, 0, 0, 4) = no_data_dn;
  auto const found = strip_table(input, {});
  EXPECT_NEAR(found.change[0], 10, 1e-9);
  EXPECT_NEAR(found.change[1], 30, 1e-9);
}

TEST(ClassChange, ranges_hold_coarse_values_and_temporal_predictions) {
  auto const found =
      strip_table(strip({{0, 0, 0, 0}, {0, 0, 0, 0}, {1, 1, 1, 1}, {1, 1, 1, 1}}, {40, 40, 900, 900}), {});
  EXPECT_NEAR(found.lowest[0], 140, 1e-9);    // fine 100 of class 0, and its change
  EXPECT_NEAR(found.highest[0], 1400, 1e-9);  // the coarse value of the target
}

TEST(ClassChange, zones_with_few_cells_of_a_class_take_the_scenes) {
  // Zones of 40 px have 20 cells and half as many around; class 1 is rare on the left.
  std::vector<std::array<int, 4>> classes(60, {0, 0, 0, 0});
  std::vector<Dn> change(60, 10);
  for (std::size_t i = 0; i < 60; ++i) {
    if (i < 30) change[i] = 50;
    if (i == 3 || i >= 35) {
      classes[i] = {1, 1, 1, 1};
      change[i] = i == 3 ? 500 : 200;
    }
  }
  ClassChangeSettings settings;
  settings.zone_px = 40;
  auto const input = strip(classes, change);
  EXPECT_NEAR(strip_table(input, settings, {0, 0}).change[0], 50, 1e-9);
  // The scene's purest cells of class 1 and their quantiles: not the one cell that the zone has.
  EXPECT_NEAR(strip_table(input, settings, {0, 0}).change[1], 200, 20);
  EXPECT_NEAR(strip_table(input, settings, {2, 0}).change[1], 200, 1e-9);
}

TEST(ClassChange, unknown_dates_have_no_table) {
  auto const change =
      changes(testing::golden_input({0}), golden_classes(), golden_change(), {{0, 0, 60, 60}});
  EXPECT_EQ(change.find(testing::golden_date(1), testing::golden_date(0), scene_zone), nullptr);
  FusionInput empty = testing::golden_input({0});
  empty.fine.dn.fill(no_data_dn);
  empty.coarse.dn.fill(no_data_dn);
  auto const nothing = changes(empty, golden_classes(), golden_change(), {{0, 0, 60, 60}});
  EXPECT_EQ(nothing.find(testing::golden_date(0), testing::golden_date(1), scene_zone), nullptr);
}

}  // namespace
}  // namespace stfcube
