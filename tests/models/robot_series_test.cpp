#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/models/classical/robot_block.hpp"
#include "stfcube/models/registry.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

using testing::golden_settings;
using testing::predict;
using Options = std::map<std::string, std::string>;

testing::GoldenResult run(FusionInput const& input, Options options = {}) {
  auto settings = golden_settings(std::move(options));
  settings.bands = {"red", "nir"};
  settings.ratio = input.ratio;
  return predict(*make_model("robot", settings), input);
}

TEST(RobotLayout, covers_every_pixel_once_twice_or_four_times) {
  for (Rect const scene : {Rect{0, 0, 60, 60}, Rect{0, 0, 97, 31}, Rect{0, 0, 7, 30}, Rect{0, 0, 50, 51}}) {
    RobotLayout const layout{scene, 30, 20};
    for (int y = 0; y < scene.height; ++y) {
      for (int x = 0; x < scene.width; ++x) {
        int covered = 0;
        Rect const found = layout.blocks_of({x, y, 1, 1});
        for (int row = 0; row < layout.count(scene.height); ++row) {
          for (int column = 0; column < layout.count(scene.width); ++column) {
            bool const covers = layout.block(row, column).contains({x, y, 1, 1});
            covered += covers;
            ASSERT_EQ(covers, found.contains({column, row, 1, 1})) << x << ' ' << y;
          }
        }
        ASSERT_TRUE(covered == 1 || covered == 2 || covered == 4);
      }
    }
  }
  EXPECT_EQ((RobotLayout{{0, 0, 60, 60}, 30, 20}.count(60)), 3);
  EXPECT_EQ((RobotLayout{{0, 0, 61, 60}, 30, 20}.count(61)), 3);
  EXPECT_EQ((RobotLayout{{0, 0, 71, 60}, 30, 20}.count(71)), 4);
}

/// Four pairs and three targets in between; values by hash, with clouds where asked for.
FusionInput series(int ratio, bool clouds) {
  constexpr int width = 75, height = 58, bands = 2;
  int const across = (width + ratio - 1) / ratio, down = (height + ratio - 1) / ratio;
  Date const start = *make_date(2020, 1, 1);
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, width, height};
  input.cells = {0, 0, across, down};
  input.ratio = ratio;
  input.targets = {start + 10, start + 24, start + 40};
  input.fine.dates = {start, start + 16, start + 32, start + 40};
  input.coarse.dates = {start, start + 10, start + 16, start + 24, start + 32, start + 40};
  input.fine.dn = Stack<Dn>(4, bands, height, width);
  input.coarse.dn = Stack<Dn>(6, bands, down, across);
  auto const fill = [&](SceneSeries& images, int scale) {
    for (int d = 0; d < images.dn.dates(); ++d) {
      for (int b = 0; b < bands; ++b) {
        for (int y = 0; y < images.dn.rows(); ++y) {
          for (int x = 0; x < images.dn.cols(); ++x) {
            std::uint32_t const field = testing::golden_hash(x * scale / 12, y * scale / 9, b, 0) % 1500;
            std::uint32_t const noise = testing::golden_hash(x, y, b, 40 + d) % 200;
            images.dn.at(d, b, y, x) = static_cast<Dn>(300 + field + noise + 20 * d);
          }
        }
      }
    }
  };
  fill(input.fine, 1);
  fill(input.coarse, ratio);
  if (!clouds) return input;
  auto const hide = [&](Stack<Dn>& images, int date, Rect const& wanted) {
    Rect const px = intersect(wanted, {0, 0, images.cols(), images.rows()});
    for (int b = 0; b < bands; ++b) {
      for (int y = px.y; y < px.bottom(); ++y)
        std::fill_n(images.row(date, b, y) + px.x, px.width, no_data_dn);
    }
  };
  hide(input.fine.dn, 0, {5, 5, 4, 4});
  hide(input.fine.dn, 1, {40, 20, 20, 30});
  hide(input.fine.dn, 2, {6, 6, 3, 8});
  hide(input.coarse.dn, 3, {2, 1, 1, 1});
  hide(input.coarse.dn, 4, {0, 0, 1, 1});
  for (int d = 0; d < 4; ++d) hide(input.fine.dn, d, {70, 50, 2, 2});
  return input;
}

struct Case {
  int ratio;
  char const* kernel;
  bool clouds;
};
class RobotCases : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Cases, RobotCases,
                         ::testing::Values(Case{7, "bicubic", true}, Case{7, "nearest", true},
                                           Case{16, "bicubic", false}, Case{2, "bicubic", true},
                                           Case{50, "nearest", true}));

TEST_P(RobotCases, tiles_equal_the_whole_and_need_their_halo) {
  FusionInput const whole = series(GetParam().ratio, GetParam().clouds);
  auto settings = golden_settings({{"robot.coarse", GetParam().kernel}});
  settings.bands = {"red", "nir"};
  settings.ratio = whole.ratio;
  auto const model = make_model("robot", settings);
  auto const expected = predict(*model, whole);
  for (Rect const& core :
       {Rect{0, 0, 20, 20}, Rect{29, 13, 31, 22}, Rect{74, 57, 1, 1}, Rect{40, 20, 20, 20}}) {
    auto const tile = predict(*model, testing::tile_of(whole, core, model->info().support));
    for (int t = 0; t < 3; ++t) {
      for (int y = 0; y < core.height; ++y) {
        for (int x = 0; x < core.width; ++x) {
          ASSERT_EQ(tile.output.quality.at(t, 0, y, x),
                    expected.output.quality.at(t, 0, y + core.y, x + core.x));
          for (int b = 0; b < 2; ++b) {
            double const one = tile.exact.at(t, b, y, x),
                         other = expected.exact.at(t, b, y + core.y, x + core.x);
            ASSERT_TRUE(one == other || (std::isnan(one) && std::isnan(other))) << x << ' ' << y;
            ASSERT_EQ(tile.output.uncertainty.at(t, b, y, x),
                      expected.output.uncertainty.at(t, b, y + core.y, x + core.x));
          }
        }
      }
    }
  }
  Support smaller = model->info().support;
  --smaller.halo_px;
  EXPECT_THROW(predict(*model, testing::tile_of(whole, {49, 20, 20, 20}, smaller)), Error);
}

TEST_P(RobotCases, results_are_defined_and_do_not_depend_on_other_targets) {
  FusionInput all = series(GetParam().ratio, GetParam().clouds);
  Options const options = {{"robot.coarse", GetParam().kernel}};
  auto const expected = run(all, options);
  for (int t = 0; t < 3; ++t) {
    for (std::size_t i = 0; i < all.fine.dn.plane_size(); ++i) {
      auto const q = expected.output.quality.plane(t, 0)[i];
      for (int b = 0; b < 2; ++b) {
        ASSERT_EQ((q & quality::no_data) != 0, expected.output.dn.plane(t, b)[i] == no_data_dn);
        ASSERT_EQ((q & quality::no_data) != 0, std::isnan(expected.exact.plane(t, b)[i]));
        ASSERT_EQ((q & quality::no_data) != 0, expected.output.uncertainty.plane(t, b)[i] == no_data_dn);
      }
    }
    FusionInput one = series(GetParam().ratio, GetParam().clouds);
    one.targets = {all.targets[static_cast<std::size_t>(t)]};
    auto const result = run(one, options);
    EXPECT_TRUE(std::ranges::equal(result.output.dn.plane(0, 1), expected.output.dn.plane(t, 1)));
    EXPECT_TRUE(
        std::ranges::equal(result.output.uncertainty.plane(0, 0), expected.output.uncertainty.plane(t, 0)));
    EXPECT_TRUE(std::ranges::equal(result.output.quality.plane(0, 0), expected.output.quality.plane(t, 0)));
  }
}

TEST(Robot, the_image_of_the_target_itself_is_not_used) {
  FusionInput input = series(7, false);
  auto const before = run(input);
  for (int b = 0; b < 2; ++b) {
    for (Dn& v : input.fine.dn.plane(3, b)) v = static_cast<Dn>(v / 2);
  }
  auto const after = run(input);
  EXPECT_TRUE(std::ranges::equal(before.output.dn.plane(2, 0), after.output.dn.plane(2, 0)));
  EXPECT_FALSE(std::ranges::equal(before.output.dn.plane(1, 0), after.output.dn.plane(1, 0)));
}

TEST(Robot, too_few_common_pixels_give_members_up_from_the_farthest) {
  FusionInput input = series(4, false);
  input.targets = {input.fine.dates[1] + 8};  // members 1 and 2, then 3, are nearest
  for (int d = 1; d < 4; ++d) {
    for (int b = 0; b < 2; ++b)
      std::fill_n(input.fine.dn.row(d, b, 2 * d), 6, no_data_dn);  // 6 of 64 in block 0
  }
  RobotSettings const settings{.block_px = 8, .step_px = 8};
  RobotTile const tile(input, settings, {20.0, 50.0}, 0, 90, {Harmonise::none, 2});
  RobotLayout const layout{input.scene_px, 8, 8};
  auto const fits = fit_robot_block(tile, layout.block(0, 0));
  EXPECT_EQ(fits[0].members, (std::vector<int>{1, 2}));
  EXPECT_TRUE(fits[0].few);
  auto const other = fit_robot_block(tile, layout.block(1, 1));
  EXPECT_EQ(other[0].members, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_FALSE(other[0].few);
  auto const result = run(input, {{"robot.block", "8"}, {"robot.step", "8"}});
  EXPECT_EQ(result.output.quality.at(0, 0, 0, 0), quality::fused | quality::low_confidence);
}

TEST(Robot, a_target_without_a_coarse_image_stays_without_data) {
  FusionInput input = series(7, false);
  input.targets[0] = input.targets[0] + 1;
  auto const result = run(input);
  for (quality::Flags const q : result.output.quality.plane(0, 0)) ASSERT_EQ(q, quality::no_data);
  EXPECT_NE(result.output.quality.at(1, 0, 0, 0), quality::no_data);
}

TEST(Robot, options_change_what_they_say) {
  FusionInput const input = series(7, false);
  auto const standard = run(input);
  for (auto const& [name, value] : Options{{"robot.block", "25"},
                                           {"robot.step", "15"},
                                           {"robot.members", "2"},
                                           {"robot.beta", "3"},
                                           {"robot.lambda", "0.3"},
                                           {"robot.eta", "0"},
                                           {"robot.reference", "time"},
                                           {"robot.coarse", "nearest"},
                                           {"robot.normalisation", "quantiles"},
                                           {"robot.consistency", "0.1"}}) {
    EXPECT_FALSE(std::ranges::equal(run(input, {{name, value}}).exact.all(), standard.exact.all())) << name;
  }
}

}  // namespace
}  // namespace stfcube
