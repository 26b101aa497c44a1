// STARFM with statistics of zones.
#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/models/simd.hpp"
#include "stfcube/models/stat_zones.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"
#include "stfcube/tests/support/tile_equality.hpp"

namespace stfcube {
namespace {

using testing::fuse_prepared;
using testing::golden_input;
using testing::golden_options;
using testing::golden_settings;
using testing::Options;
using testing::patchy_options;
using testing::patchy_scene;
using testing::patchy_settings;
using testing::predict;
using testing::tile_equals;

ModelSettings with_zones(ModelSettings settings, int zone_px) {
  settings.zone_px = zone_px;
  return settings;
}

TEST(StarfmZones, a_zone_larger_than_the_scene_is_the_scene) {
  FusionInput const input = golden_input({0, 2});
  ModelSettings const settings = golden_settings(golden_options());
  auto const scene = predict(*make_model("starfm", settings), input);
  auto const zone = predict(*make_model("starfm", with_zones(settings, 4096)), input);
  EXPECT_TRUE(tile_equals(scene, zone, input.core_px));
}

TEST(StarfmZones, tiles_targets_and_instruction_sets_change_no_bit) {
  std::vector<int> const days = {8, 10, 12, 14, 16, 17, 18, 19, 22, 24, 30};
  FusionInput const many = patchy_scene(64, 8, {10, 20}, days, 5, true);
  FusionInput few = patchy_scene(64, 8, {10, 20}, days, 5, true);
  few.targets = {many.targets[3]};
  for (FusionInput const* whole : {&many, static_cast<FusionInput const*>(&few)}) {
    for (Options const& options :
         {patchy_options(), patchy_options({{"starfm.similarity_bands", "red green"}}),
          patchy_options({{"starfm.profile", "usda"}})}) {
      auto const model = make_model("starfm", with_zones(patchy_settings(8, options), 32));
      auto const expected = predict(*model, *whole);
      for (Rect const& core : {Rect{0, 0, 37, 64}, Rect{37, 0, 27, 41}, Rect{50, 60, 1, 1}}) {
        FusionInput const tile = testing::tile_of(*whole, core, model->info().support);
        EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, tile), core));
      }
      for (std::string const& name : simd_targets()) {
        use_simd_target(name);
        EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, *whole), whole->core_px)) << name;
      }
      use_simd_target("");
    }
  }
  // The limit of a pixel is its own: the result of one target does not depend on the form of the kernel.
  auto const model = make_model("starfm", with_zones(patchy_settings(8, patchy_options()), 32));
  auto const all = predict(*model, many);
  auto const one = predict(*model, few);
  for (std::size_t i = 0; i < all.exact.plane_size(); ++i) {
    double const a = all.exact.plane(3, 0)[i], b = one.exact.plane(0, 0)[i];
    ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << i;
  }
}

/// A scene whose fine values are 0 or `contrast(x)`, in turns, with coarse images that make every similar
/// pixel visible in the prediction: its own kind alone, or both.
FusionInput contrast_scene(int width) {
  constexpr int height = 32;
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, width, height};
  input.cells = input.scene_px;
  input.ratio = 1;
  input.fine = {{Date{0}}, Stack<Dn>(1, 1, height, width)};
  input.coarse = {{Date{0}, Date{1}}, Stack<Dn>(2, 1, height, width)};
  input.targets = {Date{1}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      int const contrast = x < width / 2 ? 20 : 2000;
      Dn const value = static_cast<Dn>((x + y) % 2 == 0 ? 1000 : 1000 + contrast);
      input.fine.dn.at(0, 0, y, x) = value;
      input.coarse.dn.at(0, 0, y, x) = value;
      input.coarse.dn.at(1, 0, y, x) = value;
    }
  }
  return input;
}

TEST(StarfmZones, the_limit_follows_sigma_from_zone_to_zone) {
  FusionInput const input = contrast_scene(256);
  ModelSettings settings;
  settings.bands = {"green"};
  settings.options = {{"starfm.window", "3"}, {"starfm.slices", "3"}};
  // Sigma of the left half is 10: its two kinds, 20 apart, are not similar (2 sigma / 3 = 6). With the sigma
  // of the whole scene (over 800) they are.
  auto const scene = predict(*make_model("starfm", settings), input);
  auto const zones = predict(*make_model("starfm", with_zones(settings, 64)), input);
  EXPECT_EQ(zones.exact.at(0, 0, 16, 10), 1000);
  EXPECT_GT(scene.exact.at(0, 0, 16, 10), 1005);
  // The sigma between the zones is interpolated: the two kinds become similar at one column and stay so.
  StatZones const grid(64);
  auto const sigma_of = [&](StatZones::Zone zone) {
    // 2 x 64 columns around the zone's; those of the left half have values 0 and 20, the others 0 and 2000.
    int const first = std::max(0, zone.column * 64 - 32), last = std::min(256, zone.column * 64 + 96);
    double n = 0, sum = 0, squares = 0;
    for (int x = first; x < last; ++x) {
      double const v = x < 128 ? 20 : 2000;
      n += 2, sum += v, squares += v * v;
    }
    return std::sqrt(squares / n - sum / n * (sum / n));
  };
  for (int x = 1; x < 126; ++x) {
    auto const mixture = grid.at(input.scene_px, x, 16);
    double sigma = 0;
    for (std::size_t i = 0; i < 4; ++i) sigma += mixture.weights[i] * sigma_of(mixture.zones[i]);
    bool const similar = 20 <= std::floor(2 * sigma / 3);
    EXPECT_EQ(zones.exact.at(0, 0, 16, x) != input.fine.dn.at(0, 0, 16, x), similar) << x;
  }
}

TEST(StarfmZones, zones_without_pixels_are_left_out) {
  FusionInput input = contrast_scene(256);
  for (int y = 0; y < 32; ++y) {
    for (int x = 96; x < 256; ++x) input.fine.dn.at(0, 0, y, x) = no_data_dn;
  }
  ModelSettings settings;
  settings.bands = {"green"};
  settings.options = {{"starfm.window", "3"}, {"starfm.slices", "3"}};
  auto const result = predict(*make_model("starfm", with_zones(settings, 64)), input);
  EXPECT_EQ(result.exact.at(0, 0, 16, 90), 1000);
  EXPECT_EQ(result.output.quality.at(0, 0, 16, 90), quality::fused | quality::extrapolated);
  EXPECT_EQ(result.output.quality.at(0, 0, 16, 200), quality::no_data);
}

}  // namespace
}  // namespace stfcube
