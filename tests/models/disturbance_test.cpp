#include "stfcube/models/classical/disturbance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/tests/support/forest_scene.hpp"

namespace stfcube {
namespace {

using testing::ForestScene;

/// The detector's rounds of the first pass as a method.
class DetectorModel final : public FusionModel {
 public:
  explicit DetectorModel(DisturbanceSettings const& settings)
      : detector(settings, SixBands("test", ForestScene::settings().bands)) {
    info_.observes = Observed::pairs_and_between;
  }
  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const&, int) const override { return 0; }
  bool wants_statistics() const override { return !detector.done(); }
  void observe(FusionInput const& input, Statistics& statistics) const override {
    detector.observe(input, statistics);
  }
  void prepare(Statistics const& statistics) override { detector.prepare(statistics); }
  void fuse(FusionInput const&, FusionOutput&) const override {}

  DisturbanceDetector detector;

 private:
  ModelInfo info_;
};

DisturbanceSettings settings() {
  return {.classes = 3};
}

std::vector<Pair> pairs_of(FusionInput const& input) {
  return find_pairs(input.fine.dates, input.coarse.dates, 0);
}

Disturbances find(FusionInput const& input, DisturbanceSettings const& with) {
  DetectorModel model(with);
  testing::prepare(model, input);
  auto const pairs = pairs_of(input);
  return model.detector.find(input, pairs.front(), pairs.back());
}

int at(Disturbances const& found, int y, int x) {
  return found.state[static_cast<std::size_t>(y * ForestScene::size + x)];
}
Date date(Disturbances const& found, int y, int x) {
  return found.date[static_cast<std::size_t>(y * ForestScene::size + x)];
}

int count(Disturbances const& found) {
  return static_cast<int>(std::ranges::count_if(found.state, [](auto state) { return state != 0; }));
}

TEST(Disturbance, a_step_of_the_coarse_series_is_dated_exactly) {
  for (int const day : {8, 16, 40, 64}) {
    ForestScene scene;
    scene.cut_day = day;
    auto const found = find(scene.input(), settings());
    for (int y = 20; y < 28; ++y) {
      for (int x = 12; x < 20; ++x) {
        ASSERT_EQ(at(found, y, x), Disturbances::dated) << y << ' ' << x;
        ASSERT_EQ(date(found, y, x), Date{day});
      }
    }
    EXPECT_EQ(count(found), 64);
  }
}

TEST(Disturbance, without_a_change_nothing_is_found) {
  ForestScene scene;
  scene.cut_day = 1000;
  EXPECT_EQ(count(find(scene.input(), settings())), 0);
  // Bare on both days.
  scene.cut_day = 0;
  EXPECT_EQ(count(find(scene.input(), settings())), 0);
}

TEST(Disturbance, an_isolated_pixel_is_removed_by_the_neighbour_rule) {
  FusionInput input = ForestScene().input();
  for (int band = 0; band < 6; ++band) {
    for (int const x : {5, 30, 31})
      input.fine.dn.at(1, band, 6, x) = static_cast<Dn>(ForestScene::bare[static_cast<std::size_t>(band)]);
  }
  auto found = find(input, settings());
  EXPECT_EQ(at(found, 6, 5), Disturbances::none);
  EXPECT_NE(at(found, 6, 30), Disturbances::none);
  EXPECT_EQ(count(found), 66);
  auto without = settings();
  without.neighbours = 0;
  EXPECT_NE(at(find(input, without), 6, 5), Disturbances::none);
  auto two = settings();
  two.neighbours = 2;
  EXPECT_EQ(count(find(input, two)), 64);
}

TEST(Disturbance, constant_classes_are_guarded) {
  ForestScene scene;
  scene.noise = 0;
  scene.cut_day = 1000;
  FusionInput input = scene.input();
  EXPECT_EQ(count(find(input, settings())), 0);  // no standard deviation at all
  // A class whose pixels are all but equal takes the standard deviation of the image: a few DN are no
  // disturbance.
  auto with_map = settings();
  with_map.class_map = true;
  input.classes = Stack<std::int32_t>(1, 1, 40, 40);
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 40; ++x) {
      input.classes.at(0, 0, y, x) = y < 20 ? 3 : 8;
      for (int band = 0; band < 6 && y >= 20; ++band)
        input.fine.dn.at(1, band, y, x) = static_cast<Dn>(input.fine.dn.at(1, band, y, x) + 10 * (x % 20));
    }
  }
  constexpr std::array<int, 6> change = {2, 2, 4, -4, 5, 5};
  for (int band = 0; band < 6; ++band) {
    for (int const x : {10, 11}) {
      Dn& value = input.fine.dn.at(1, band, 5, x);
      value = static_cast<Dn>(value + change[static_cast<std::size_t>(band)]);
    }
  }
  EXPECT_EQ(at(find(input, with_map), 5, 10), Disturbances::none);
  // Twenty times as much is one.
  for (int band = 0; band < 6; ++band) {
    for (int const x : {10, 11}) {
      Dn& value = input.fine.dn.at(1, band, 5, x);
      value = static_cast<Dn>(value + 60 * change[static_cast<std::size_t>(band)]);
    }
  }
  EXPECT_NE(at(find(input, with_map), 5, 10), Disturbances::none);
}

TEST(Disturbance, cloudy_coarse_dates_are_skipped) {
  FusionInput input = ForestScene().input();
  for (int const image : {3, 5}) {  // days 24 and 40
    for (int band = 0; band < 6; ++band) input.coarse.dn.at(image, band, 5, 3) = no_data_dn;
  }
  auto const found = find(input, settings());
  EXPECT_EQ(date(found, 20, 12), Date{48});  // that cell sees it one image later
  EXPECT_EQ(date(found, 20, 16), Date{40});
}

TEST(Disturbance, too_few_coarse_dates_give_the_middle) {
  FusionInput input = ForestScene().input();
  for (int image = 1; image < 10; ++image) {
    for (int band = 0; band < 6; ++band) input.coarse.dn.at(image, band, 5, 3) = no_data_dn;
  }
  auto const found = find(input, settings());
  EXPECT_EQ(at(found, 20, 12), Disturbances::undated);
  EXPECT_EQ(date(found, 20, 12), Date{40});
  EXPECT_EQ(at(found, 20, 16), Disturbances::dated);
}

TEST(Disturbance, gaps_are_not_disturbed_and_do_not_count) {
  FusionInput input = ForestScene().input();
  for (int band = 0; band < 6; ++band) {
    input.fine.dn.at(0, band, 21, 13) = no_data_dn;
    input.fine.dn.at(1, band, 23, 15) = no_data_dn;
  }
  auto const found = find(input, settings());
  EXPECT_EQ(at(found, 21, 13), Disturbances::none);
  EXPECT_EQ(at(found, 23, 15), Disturbances::none);
  EXPECT_EQ(count(found), 62);
}

TEST(Disturbance, tiles_and_zones_change_nothing_they_should_not) {
  FusionInput const whole = ForestScene().input();
  for (int const zone_px : {0, 16, 4096}) {
    auto with = settings();
    with.zone_px = zone_px;
    DetectorModel model(with);
    testing::prepare(model, whole);
    auto const pairs = pairs_of(whole);
    auto const expected = model.detector.find(whole, pairs[0], pairs[1]);
    EXPECT_GT(count(expected), 0) << zone_px;
    if (zone_px == 4096) {
      EXPECT_EQ(expected.state, find(whole, settings()).state);
    }
    Rect const core{15, 18, 13, 7};
    FusionInput const tile = testing::tile_of(whole, core, {.halo_px = 1});
    auto const found = model.detector.find(tile, pairs[0], pairs[1]);
    for (int y = 0; y < core.height; ++y) {
      for (int x = 0; x < core.width; ++x) {
        auto const i = static_cast<std::size_t>(y * core.width + x);
        ASSERT_EQ(found.state[i], at(expected, core.y + y, core.x + x)) << zone_px;
        if (found.state[i] != 0) {
          ASSERT_EQ(found.date[i], date(expected, core.y + y, core.x + x));
        }
      }
    }
  }
}

TEST(Disturbance, statistics_do_not_depend_on_tiles) {
  FusionInput const whole = ForestScene().input();
  for (int const zone_px : {0, 16}) {
    auto with = settings();
    with.zone_px = zone_px;
    with.class_map = true;
    DetectorModel model(with);
    model.prepare({});  // no class at all
    Statistics once, parts;
    FusionInput in = ForestScene().input();
    in.classes = Stack<std::int32_t>(1, 1, 40, 40);
    in.classes.fill(-1);
    model.observe(in, once);
    for (Rect const& core : {Rect{0, 0, 40, 12}, Rect{0, 12, 20, 28}, Rect{20, 12, 20, 28}}) {
      Statistics part;
      model.observe(testing::tile_of(in, core, {}), part);
      parts.merge(part);
    }
    EXPECT_EQ(once.pack(), parts.pack());
  }
}

TEST(Disturbance, only_neighbouring_pairs_are_compared_without_a_map) {
  ForestScene scene;
  scene.fine_days = {0, 40, 80};
  scene.cut_day = 48;
  FusionInput const input = scene.input();
  EXPECT_EQ(count(find(input, settings())), 0);  // days 0 and 80
  DetectorModel model(settings());
  testing::prepare(model, input);
  auto const pairs = pairs_of(input);
  EXPECT_EQ(count(model.detector.find(input, pairs[1], pairs[2])), 64);
  // With a map any two are.
  FusionInput mapped = scene.input();
  mapped.classes = Stack<std::int32_t>(1, 1, 40, 40);
  mapped.classes.fill(1);
  auto with_map = settings();
  with_map.class_map = true;
  auto const found = find(mapped, with_map);
  EXPECT_EQ(count(found), 64);
  EXPECT_EQ(date(found, 22, 14), Date{48});
}

}  // namespace
}  // namespace stfcube
