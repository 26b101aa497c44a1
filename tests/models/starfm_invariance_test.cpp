// The result of STARFM for a pixel depends on its surroundings and on nothing else.
#include <algorithm>
#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/starfm.hpp"
#include "stfcube/models/simd.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using testing::golden_options;
using testing::golden_settings;
using testing::Options;
using testing::patchy_options;
using testing::patchy_scene;
using testing::patchy_settings;
using testing::predict;

/// All numbers of `whole` inside `core`, one target, as `tile` should be.
bool tile_equals(testing::GoldenResult const& whole, testing::GoldenResult const& tile, Rect const& core) {
  for (int t = 0; t < tile.exact.dates(); ++t) {
    for (int b = 0; b < tile.exact.bands(); ++b) {
      for (int y = 0; y < core.height; ++y) {
        for (int x = 0; x < core.width; ++x) {
          double const expected = whole.exact.at(t, b, core.y + y, core.x + x),
                       found = tile.exact.at(t, b, y, x);
          if (std::isnan(expected) ? !std::isnan(found) : expected != found) return false;
          if (whole.output.uncertainty.at(t, b, core.y + y, core.x + x) !=
              tile.output.uncertainty.at(t, b, y, x))
            return false;
          if (whole.output.quality.at(t, 0, core.y + y, core.x + x) != tile.output.quality.at(t, 0, y, x))
            return false;
        }
      }
    }
  }
  return true;
}

testing::GoldenResult fuse_prepared(FusionModel const& model, FusionInput const& input) {
  auto const targets = static_cast<int>(input.targets.size());
  testing::GoldenResult result{{targets, input.fine.dn.bands(), input.core_px.height, input.core_px.width},
                               {targets, input.fine.dn.bands(), input.core_px.height, input.core_px.width}};
  result.exact.fill(std::numeric_limits<double>::quiet_NaN());
  result.output.exact = &result.exact;
  model.fuse(input, result.output);
  result.output.exact = nullptr;
  return result;
}

/// Random values in all fine pixels of a whole scene that lie outside `keep`, and in the coarse cells outside
/// `cells`.
void poison(FusionInput& input, Rect const& keep, Rect const& cells, unsigned seed) {
  std::mt19937 random(seed);
  auto const overwrite = [&](Stack<Dn>& stack, Rect const& held) {
    for (int d = 0; d < stack.dates(); ++d) {
      for (int b = 0; b < stack.bands(); ++b) {
        for (int y = 0; y < stack.rows(); ++y) {
          for (int x = 0; x < stack.cols(); ++x) {
            if (!held.contains({x, y, 1, 1})) stack.at(d, b, y, x) = static_cast<Dn>(random() % 3000);
          }
        }
      }
    }
  };
  overwrite(input.fine.dn, keep);
  overwrite(input.coarse.dn, cells);
}

class StarfmSupport : public ::testing::TestWithParam<char const*> {};
INSTANTIATE_TEST_SUITE_P(Coarse, StarfmSupport, ::testing::Values("nearest", "bilinear"));

TEST_P(StarfmSupport, is_what_the_method_says_and_no_less) {
  Rect const core{23, 17, 13, 20};
  FusionInput const whole = golden_input({0, 2});
  auto const model = make_model("starfm", golden_settings(golden_options({{"starfm.coarse", GetParam()}})));
  auto const expected = predict(*model, whole);
  auto const fused_with = [&](Support const& support, unsigned seed) {
    FusionInput poisoned = golden_input({0, 2});
    FusionInput const seen = testing::tile_of(whole, core, support);
    poison(poisoned, seen.padded_px, seen.cells, seed);
    // The tile gets what the model asks for; beyond `support` it is poison.
    return fuse_prepared(*model, testing::tile_of(poisoned, core, model->info().support));
  };
  Support const support = model->info().support;
  EXPECT_EQ(support.halo_px, 7);
  Support less = support;
  less.halo_px -= 1;
  int differing = 0;
  for (unsigned seed = 0; seed < 5; ++seed) {
    EXPECT_TRUE(tile_equals(expected, fused_with(support, seed), core));
    differing += !tile_equals(expected, fused_with(less, seed), core);
  }
  EXPECT_GT(differing, 0);
}

TEST(Starfm, tiles_threads_and_the_number_of_targets_change_no_bit) {
  std::vector<int> const days = {8, 10, 12, 14, 16, 17, 18, 19, 22, 24, 30};
  FusionInput const whole = patchy_scene(100, 8, {10, 20}, days, 5, true);
  for (Options const& options :
       {patchy_options(), patchy_options({{"starfm.use_t", "on"}}), patchy_options({{"starfm.log", "on"}}),
        patchy_options({{"starfm.similarity_bands", "red green"}, {"starfm.filter", "and"}})}) {
    auto const model = make_model("starfm", patchy_settings(8, options));
    auto const expected = predict(*model, whole);
    with_threads(2, [&] { EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, whole), whole.core_px)); });
    for (Rect const& core :
         {Rect{0, 0, 37, 100}, Rect{37, 0, 63, 41}, Rect{37, 41, 63, 59}, Rect{50, 60, 1, 1}}) {
      FusionInput const tile = testing::tile_of(whole, core, model->info().support);
      EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, tile), core));
    }
    for (std::size_t t = 0; t < days.size(); ++t) {
      FusionInput one = patchy_scene(100, 8, {10, 20}, days, 5, true);
      one.targets = {whole.targets[t]};
      auto const alone = fuse_prepared(*model, one);
      for (int b = 0; b < 2; ++b) {
        auto const many = expected.exact.plane(static_cast<int>(t), b), single = alone.exact.plane(0, b);
        for (std::size_t i = 0; i < many.size(); ++i) {
          ASSERT_TRUE(many[i] == single[i] || (std::isnan(many[i]) && std::isnan(single[i])))
              << t << ' ' << i;
        }
        EXPECT_TRUE(std::ranges::equal(expected.output.uncertainty.plane(static_cast<int>(t), b),
                                       alone.output.uncertainty.plane(0, b)));
      }
      EXPECT_TRUE(std::ranges::equal(expected.output.quality.plane(static_cast<int>(t), 0),
                                     alone.output.quality.plane(0, 0)));
    }
  }
}

TEST(Starfm, instruction_sets_change_no_bit) {
  FusionInput const many = patchy_scene(50, 8, {10, 20}, {8, 10, 12, 14, 16, 17, 18, 19, 22, 24}, 6, true);
  FusionInput const few = patchy_scene(50, 8, {10, 20}, {14, 25}, 6, true);
  FusionInput const fine = patchy_scene(30, 1, {10, 20}, {8, 14, 16, 17}, 6, true);
  for (FusionInput const* input : {&many, &few, &fine}) {
    for (char const* logarithmic : {"false", "true"}) {
      Options const options = patchy_options({{"starfm.log", logarithmic}});
      auto const model = make_model("starfm", patchy_settings(input->ratio, options));
      auto const expected = predict(*model, *input);
      for (std::string const& name : simd_targets()) {
        use_simd_target(name);
        EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, *input), input->core_px)) << name;
      }
      use_simd_target("");
    }
  }
}

TEST(Starfm, statistics_do_not_depend_on_tiles) {
  FusionInput const whole = golden_input({0, 2});
  auto const model = make_model("starfm", golden_settings(golden_options()));
  Statistics once, parts;
  model->observe(whole, once);
  for (Rect const& core : {Rect{0, 0, 60, 13}, Rect{0, 13, 22, 47}, Rect{22, 13, 38, 47}}) {
    Statistics part;
    model->observe(testing::tile_of(whole, core, {}), part);
    parts.merge(part);
  }
  EXPECT_EQ(once.pack(), parts.pack());
  auto const sums = once.find("starfm/2001-07-02");
  ASSERT_EQ(sums.size(), 9U);
  EXPECT_NEAR(population_sigma(sums[6], sums[7], sums[8]), 1470.908165, 5e-7);
}

}  // namespace
}  // namespace stfcube
