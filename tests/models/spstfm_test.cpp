#include "stfcube/models/classical/spstfm.hpp"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"
#include "stfcube/tests/support/tile_equality.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::fuse_prepared;
using testing::golden_fine;
using testing::golden_input;
using testing::golden_settings;
using testing::Options;
using testing::predict;
using testing::tile_equals;

Options small(Options options = {}) {
  options.merge(Options{{"spstfm.atoms", "24"}, {"spstfm.training", "80"}, {"spstfm.rounds", "2"}});
  return options;
}

double golden_error(testing::GoldenResult const& result, int band) {
  double squares = 0;
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x)
      squares += std::pow(result.exact.at(0, band, y, x) - golden_fine(1, band, y, x), 2);
  }
  return std::sqrt(squares / 3600);
}

TEST(Spstfm, golden_scene_is_predicted_better_than_by_copying) {
  auto const result = predict(*make_model("spstfm", golden_settings(small())), golden_input({0, 2}));
  auto const copy = predict(*make_model("copy", golden_settings({})), golden_input({0, 2}));
  double own = 0, other = 0;
  for (int band = 0; band < 3; ++band) {
    own += golden_error(result, band);
    other += golden_error(copy, band);
  }
  EXPECT_LT(own, 0.7 * other);
  for (auto const flags : result.output.quality.all()) ASSERT_EQ(flags & ~quality::clamped, quality::fused);
}

/// The coarse image of the target replaced by that of another date, in all cells or the left ones.
FusionInput with_target_like(int date, bool left_only = false) {
  FusionInput input = golden_input({0, 2});
  for (int band = 0; band < 3; ++band) {
    for (int i = 0; i < 36; ++i) {
      auto const at = static_cast<std::size_t>(i);
      if (!left_only || i % 6 < 3) input.coarse.dn.plane(1, band)[at] = input.coarse.dn.plane(date, band)[at];
    }
  }
  return input;
}

TEST(Spstfm, without_coarse_change_from_a_pair_its_fine_image_stays) {
  for (int const date : {0, 2}) {
    auto const result = predict(*make_model("spstfm", golden_settings(small())), with_target_like(date));
    for (int y = 0; y < 60; ++y) {
      for (int x = 0; x < 60; ++x) {
        for (int band = 0; band < 3; ++band)
          ASSERT_NEAR(result.exact.at(0, band, y, x), golden_fine(date, band, y, x), 1e-9) << date;
      }
    }
  }
}

TEST(Spstfm, without_any_coarse_change_both_fine_images_weigh_the_same) {
  FusionInput input = with_target_like(0);
  for (int band = 0; band < 3; ++band) {
    for (int row = 0; row < 6; ++row) {
      for (int column = 0; column < 5; ++column)
        input.coarse.dn.at(2, band, row, column) = input.coarse.dn.at(0, band, row, column);
    }
  }
  auto const result = predict(*make_model("spstfm", golden_settings(small())), input);
  // Two cells away from the last column nothing changes.
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 24; ++x) {
      double const mean = (golden_fine(0, 1, y, x) + golden_fine(2, 1, y, x)) / 2.0;
      ASSERT_NEAR(result.exact.at(0, 1, y, x), mean, 1e-9);
    }
  }
}

TEST(Spstfm, tiles_and_threads_change_no_bit_and_the_halo_is_needed) {
  FusionInput const whole = golden_input({0, 2});
  auto const model = make_model("spstfm", golden_settings(small()));
  auto const expected = predict(*model, whole);
  with_threads(2, [&] { EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, whole), whole.core_px)); });
  for (Rect const& core :
       {Rect{0, 0, 13, 60}, Rect{13, 27, 21, 18}, Rect{47, 51, 13, 9}, Rect{59, 59, 1, 1}}) {
    auto const tile = testing::tile_of(whole, core, model->info().support);
    EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, tile), core));
  }
  // Beyond the halo everything may change; one pixel less would be seen.
  Rect const core{21, 21, 5, 5};
  auto const poisoned = [&](int halo_px) {
    FusionInput input = golden_input({0, 2});
    Rect const keep = grow(core, halo_px);
    for (int date = 0; date < 2; ++date) {
      for (int band = 0; band < 3; ++band) {
        for (int y = 0; y < 60; ++y) {
          for (int x = 0; x < 60; ++x) {
            if (!keep.contains({x, y, 1, 1})) input.fine.dn.at(date, band, y, x) = no_data_dn;
          }
        }
      }
    }
    return fuse_prepared(*model, testing::tile_of(input, core, model->info().support));
  };
  EXPECT_EQ(model->info().support.halo_px, 6);
  EXPECT_TRUE(tile_equals(expected, poisoned(6), core));
  EXPECT_FALSE(tile_equals(expected, poisoned(5), core));
  EXPECT_ANY_THROW(
      fuse_prepared(*model, testing::tile_of(whole, {26, 26, 5, 5}, {.halo_px = 6, .halo_cells = 1})));
}

TEST(Spstfm, training_does_not_depend_on_tiles) {
  FusionInput const whole = golden_input({0, 2});
  auto const once = make_model("spstfm", golden_settings(small()));
  auto const expected = predict(*once, whole);
  auto const model = make_model("spstfm", golden_settings(small()));
  while (model->wants_statistics()) {
    Statistics all;
    for (Rect const& core :
         {Rect{0, 0, 60, 10}, Rect{0, 10, 20, 50}, Rect{20, 10, 40, 30}, Rect{20, 40, 40, 20}}) {
      Statistics part;
      model->observe(testing::tile_of(whole, core, {}), part);
      all.merge(part);
    }
    model->prepare(all);
  }
  EXPECT_TRUE(tile_equals(expected, fuse_prepared(*model, whole), whole.core_px));
}

TEST(Spstfm, patches_with_many_gaps_take_the_increment) {
  FusionInput input = golden_input({0, 2});
  auto const gap = [&](int y, int x) {
    for (int band = 0; band < 3; ++band) input.fine.dn.at(0, band, y, x) = no_data_dn;
  };
  gap(5, 5);
  for (int y = 40; y < 60; ++y) {
    for (int x = 30; x < 60; ++x) gap(y, x);
  }
  auto const result = predict(*make_model("spstfm", golden_settings(small())), input);
  auto const increment = predict(*make_model("increment", golden_settings({})), input);
  auto const flags = [&](int y, int x) { return result.output.quality.at(0, 0, y, x); };
  EXPECT_EQ(flags(5, 6), quality::fused);
  for (auto const& [y, x] : {std::pair{5, 5}, std::pair{50, 50}}) {
    EXPECT_EQ(result.exact.at(0, 2, y, x), increment.exact.at(0, 2, y, x));
    EXPECT_EQ(flags(y, x), increment.output.quality.at(0, 0, y, x) | quality::low_confidence);
  }
  for (double const v : result.exact.all()) ASSERT_TRUE(std::isfinite(v));
}

TEST(Spstfm, without_two_pairs_around_the_target_it_is_the_increment) {
  auto const one = golden_input({0});
  auto const result = predict(*make_model("spstfm", golden_settings(small())), one);
  auto const increment = predict(*make_model("increment", golden_settings({})), one);
  EXPECT_TRUE(std::ranges::equal(result.exact.all(), increment.exact.all()));
  EXPECT_EQ(result.output.quality.at(0, 0, 9, 9),
            quality::fused | quality::extrapolated | quality::low_confidence);
  // Nothing to learn from constant images.
  FusionInput constant = golden_input({0, 2});
  for (Dn& value : constant.fine.dn.all()) value = 700;
  auto const flat = predict(*make_model("spstfm", golden_settings(small())), constant);
  auto const flat_increment = predict(*make_model("increment", golden_settings({})), constant);
  EXPECT_TRUE(std::ranges::equal(flat.exact.all(), flat_increment.exact.all()));
}

TEST(Spstfm, ratios_of_1_2_and_50_and_one_band_give_defined_results) {
  for (int const ratio : {1, 2, 50}) {
    FusionInput input = testing::patchy_scene(100, ratio, {10, 20}, {10, 14, 25}, 7, false);
    for (int i = 0; i < 60; ++i) {
      for (int band = 0; band < 2; ++band)
        input.fine.dn.at(i % 2, band, i * 37 % 100, i * 53 % 100) = no_data_dn;
    }
    for (int band = 0; band < 2; ++band) input.coarse.dn.at(0, band, 0, 1) = no_data_dn;
    auto const model = make_model("spstfm", testing::patchy_settings(ratio, small()));
    auto const result = predict(*model, input);
    int fused = 0;
    for (int y = 0; y < 100; ++y) {
      for (int x = 0; x < 100; ++x) {
        auto const flags = result.output.quality.at(1, 0, y, x);
        bool const empty = (flags & quality::no_data) != 0;
        ASSERT_EQ(empty, std::isnan(result.exact.at(1, 1, y, x)));
        ASSERT_EQ(empty, result.output.uncertainty.at(1, 0, y, x) == no_data_dn);
        fused += (flags & ~quality::clamped) == quality::fused;
      }
    }
    EXPECT_GT(fused, 1000) << ratio;
    Rect const core{31, 17, 40, 33};
    auto const tile = testing::tile_of(input, core, model->info().support);
    EXPECT_TRUE(tile_equals(result, fuse_prepared(*model, tile), core)) << ratio;
  }
}

TEST(Spstfm, wrong_options_are_refused_with_the_key) {
  auto const message = [](Options const& options) -> std::string {
    try {
      make_model("spstfm", golden_settings(options));
    } catch (Error const& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message({{"spstfm.patch", "2"}}), ::testing::HasSubstr("spstfm.patch = 2"));
  EXPECT_THAT(message({{"spstfm.overlap", "7"}}), ::testing::HasSubstr("from 0 to 6"));
  EXPECT_EQ(message({{"spstfm.patch", "9"}, {"spstfm.overlap", "8"}, {"spstfm.debias", "false"}}),
            "accepted");
}

TEST(Spstfm, boreas_is_predicted_better_than_by_interpolation) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const run = [](std::string const& name) {
    auto const model =
        make_model(name, testing::boreas_settings(
                             {{"spstfm.training", "300"}, {"spstfm.atoms", "64"}, {"spstfm.rounds", "3"}}));
    return testing::boreas_accuracy(predict(*model, testing::boreas_input({0, 2})).output.dn);
  };
  auto const own = run("spstfm"), linear = run("linear");
  EXPECT_LT(own.rmse[2], linear.rmse[2]);
  EXPECT_LT(own.rmse[0] + own.rmse[1] + own.rmse[2], linear.rmse[0] + linear.rmse[1] + linear.rmse[2]);
}

}  // namespace
}  // namespace stfcube
