#include "stfcube/models/classical/staarch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/forest_scene.hpp"
#include "stfcube/tests/support/tile_equality.hpp"

namespace stfcube {
namespace {

using testing::ForestScene;
using testing::fuse_prepared;
using testing::predict;
using testing::tile_equals;

std::unique_ptr<FusionModel> staarch(testing::ForestScene const&,
                                     std::map<std::string, std::string> options = {}, int zone_px = 0) {
  options.try_emplace("staarch.classes", "3");
  ModelSettings settings = ForestScene::settings(options);
  settings.zone_px = zone_px;
  return make_model("staarch", settings);
}

/// STARFM from the fine image of one day alone.
testing::GoldenResult starfm_from(ForestScene scene, int day) {
  scene.fine_days = {day};
  return predict(*make_model("starfm", ForestScene::settings()), scene.input());
}

TEST(Staarch, undisturbed_scenes_are_those_of_starfm) {
  ForestScene scene;
  scene.cut_day = 1000;
  auto const expected = predict(*make_model("starfm", ForestScene::settings()), scene.input());
  EXPECT_TRUE(tile_equals(expected, predict(*staarch(scene), scene.input()), {0, 0, 40, 40}));
}

TEST(Staarch, disturbed_pixels_are_predicted_from_the_pair_on_their_side) {
  ForestScene const scene;
  auto const result = predict(*staarch(scene), scene.input());
  auto const both = predict(*make_model("starfm", ForestScene::settings()), scene.input());
  auto const left = starfm_from(scene, 0), right = starfm_from(scene, 80);
  for (int t = 0; t < 6; ++t) {
    bool const before = scene.targets[static_cast<std::size_t>(t)] < scene.cut_day;
    for (int y = 0; y < 40; ++y) {
      for (int x = 0; x < 40; ++x) {
        bool const clearing = ForestScene::clearing.contains({x, y, 1, 1});
        auto const& expected = !clearing ? both : before ? left : right;
        quality::Flags const flags = expected.output.quality.at(t, 0, y, x);
        ASSERT_EQ(result.output.quality.at(t, 0, y, x),
                  clearing && !before ? flags | quality::disturbed : flags);
        for (int band = 0; band < 6; ++band) {
          ASSERT_EQ(result.exact.at(t, band, y, x), expected.exact.at(t, band, y, x));
          ASSERT_EQ(result.output.dn.at(t, band, y, x), expected.output.dn.at(t, band, y, x));
          ASSERT_EQ(result.output.uncertainty.at(t, band, y, x),
                    expected.output.uncertainty.at(t, band, y, x));
        }
      }
    }
  }
}

TEST(Staarch, undated_disturbances_change_sides_in_the_middle_with_low_confidence) {
  ForestScene scene;
  scene.targets = {0};
  FusionInput input = scene.input();
  for (int image = 1; image < 10; ++image) {
    for (int band = 0; band < 6; ++band) input.coarse.dn.at(image, band, 5, 3) = no_data_dn;
  }
  auto const result = predict(*staarch(scene), input);
  // Day 0 is before the middle: the first pair alone. The neighbouring cell is dated.
  auto const left = starfm_from(scene, 0);
  auto const own = [&](int x) {
    return result.output.quality.at(0, 0, 21, x) & ~left.output.quality.at(0, 0, 21, x);
  };
  EXPECT_EQ(own(13), quality::low_confidence);
  EXPECT_EQ(own(17), 0);
  EXPECT_EQ(result.exact.at(0, 3, 21, 17), left.exact.at(0, 3, 21, 17));
}

TEST(Staarch, tiles_threads_and_targets_change_no_bit_and_the_halo_is_needed) {
  ForestScene const scene;
  FusionInput const whole = scene.input();
  for (int const zone_px : {0, 16}) {
    auto const model = staarch(scene, {}, zone_px);
    auto const expected = predict(*model, whole);
    with_threads(2, [&] { EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, whole), whole.core_px)); });
    for (Rect const& core : {Rect{0, 0, 17, 40}, Rect{17, 0, 23, 23}, Rect{15, 22, 9, 5}}) {
      auto const tile = testing::tile_of(whole, core, model->info().support);
      EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, tile), core));
    }
    FusionInput one = scene.input();
    one.targets = {Date{40}};
    auto const alone = fuse_prepared(*model, one);
    EXPECT_TRUE(std::ranges::equal(alone.output.dn.plane(0, 3), expected.output.dn.plane(3, 3)));
    EXPECT_TRUE(std::ranges::equal(alone.output.quality.plane(0, 0), expected.output.quality.plane(3, 0)));
  }
  // A window of one pixel leaves the halo to the neighbour rule.
  auto const model = staarch(scene, {{"starfm.window", "1"}, {"staarch.neighbours", "4"}});
  EXPECT_EQ(model->info().support.halo_px, 1);
  auto const expected = predict(*model, whole);
  Rect const core{13, 21, 5, 5};
  auto const tile = testing::tile_of(whole, core, model->info().support);
  EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, tile), core));
  EXPECT_FALSE(tile_equals(expected, fuse_prepared(*model, testing::tile_of(whole, core, {})), core));
}

TEST(Staarch, needs_six_bands_and_two_pairs) {
  ModelSettings settings = ForestScene::settings();
  settings.bands.pop_back();
  try {
    make_model("staarch", settings);
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("the cube has no swir2"));
  }
  ForestScene scene;
  scene.fine_days = {0};
  try {
    predict(*staarch(scene), scene.input());
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::model);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("two pairs"));
  }
}

TEST(Staarch, sees_the_coarse_series_between_its_pairs) {
  auto const model = staarch(ForestScene());
  EXPECT_TRUE(model->info().coarse_between_pairs);
  EXPECT_EQ(model->info().observes, Observed::pairs_and_between);
  EXPECT_TRUE(model->info().needs_coarse);
}

}  // namespace
}  // namespace stfcube
