#include "stfcube/models/classical/vipstf.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/simd.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/method_cases.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::expect_golden;
using testing::expect_support;
using testing::fuse_tile;
using testing::golden_input;
using testing::golden_settings;
using testing::is_part_of;
using testing::Options;
using testing::patchy_scene;
using testing::patchy_settings;
using testing::predict;

Options golden_options(Options options = {}) {
  options.merge(Options{{"vipstf.window", "15"}, {"vipstf.similar", "12"}});
  return options;
}

testing::GoldenResult run(FusionInput const& input, Options const& options) {
  return predict(*make_model("vipstf", golden_settings(options)), input);
}

/// One similar pixel: the virtual image and the residual at the pixel itself.
Options only_itself(Options options = {}) {
  options.merge(Options{{"vipstf.window", "5"}, {"vipstf.similar", "1"}});
  return options;
}

/// Replaces the coarse target (date 1 of three) by a combination of the others.
void explain_target(FusionInput& input, std::array<int, 2> const& factors, int offset) {
  for (int b = 0; b < input.coarse.dn.bands(); ++b) {
    for (std::size_t i = 0; i < input.coarse.dn.plane_size(); ++i) {
      input.coarse.dn.plane(1, b)[i] = static_cast<Dn>(factors[0] * input.coarse.dn.plane(0, b)[i] +
                                                       factors[1] * input.coarse.dn.plane(2, b)[i] + offset);
    }
  }
}

TEST(Vipstf, has_the_golden_row) {
  expect_golden(run(golden_input({0, 2}), golden_options()), {{2610554, 2786705, 7013240},
                                                              {{{382.1671, 273.8718, 133.3518},
                                                                {372.4850, 310.4090, 180.8441},
                                                                {464.4062, 272.0190, 129.2068},
                                                                {575.4426, 301.7792, 3381.4258}}}});
}

void expect_boreas(Options const& options, std::vector<int> const& pairs,
                   testing::BoreasAccuracy const& expected, bool all_measures) {
  auto const model = make_model("vipstf", testing::boreas_settings(options));
  auto const result = predict(*model, testing::boreas_input(pairs));
  auto const accuracy = testing::boreas_accuracy(result.output.dn);
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(accuracy.rmse[band], expected.rmse[band], 5e-5) << band;
    if (!all_measures) continue;
    EXPECT_NEAR(accuracy.mae[band], expected.mae[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.cc[band], expected.cc[band], 5e-4) << band;
  }
  EXPECT_NEAR(testing::boreas_share_within_sigma(result.output), 0.68, 0.12);
}

TEST(Vipstf, boreas_accuracy_is_that_of_the_specs) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  expect_boreas({}, {0, 2}, {{.0044, .0043, .0115}, {.0032, .0032, .0086}, {.908, .921, .968}}, true);
  expect_boreas({{"vipstf.window", "31"}}, {0, 2}, {{.0045, .0045, .0120}, {}, {}}, false);
  expect_boreas({{"vipstf.filter_all", "true"}}, {0, 2}, {{.0041, .0042, .0116}, {}, {}}, false);
}

// ---- analytic tests of the specification

TEST(Vipstf, a_combination_is_found_exactly) {
  FusionInput input = golden_input({0, 2});
  for (Dn& value : input.coarse.dn.all()) value = static_cast<Dn>(value / 4);
  explain_target(input, {2, -1}, 35);
  for (char const* regression : {"global", "local"}) {
    auto const result = run(input, only_itself({{"vipstf.negative", "allow"},
                                                {"vipstf.regression", regression},
                                                {"vipstf.local_window", "5"}}));
    for (int b = 0; b < 3; ++b) {
      for (int y = 0; y < 60; ++y) {
        for (int x = 0; x < 60; ++x) {
          double const expected = 2 * input.fine.dn.at(0, b, y, x) - input.fine.dn.at(1, b, y, x) + 35;
          ASSERT_NEAR(result.exact.at(0, b, y, x), expected, 1e-6) << regression;
        }
      }
    }
  }
}

TEST(Vipstf, one_pair_is_one_line_for_the_scene) {
  FusionInput input = golden_input({0});
  for (int b = 0; b < 3; ++b) {
    for (std::size_t i = 0; i < 36; ++i)
      input.coarse.dn.plane(1, b)[i] = static_cast<Dn>(2 * input.coarse.dn.plane(0, b)[i] - 300);
  }
  auto const result = run(input, only_itself());
  EXPECT_NEAR(result.exact.at(0, 0, 17, 40), 2 * input.fine.dn.at(0, 0, 17, 40) - 300, 1e-6);
  // With more dates at hand than asked for, the nearest of each side come first.
  auto const two = run(golden_input({0, 2}), golden_options({{"vipstf.pairs", "1"}}));
  auto const one = run(golden_input({0}), golden_options());
  for (std::size_t i = 0; i < one.exact.size(); ++i) ASSERT_EQ(two.exact.all()[i], one.exact.all()[i]);
}

TEST(Vipstf, of_two_equal_dates_one_is_left_out) {
  FusionInput two = golden_input({0, 2});
  for (int band = 0; band < 3; ++band) {
    std::ranges::copy(two.fine.dn.plane(0, band), two.fine.dn.plane(1, band).begin());
    std::ranges::copy(two.coarse.dn.plane(0, band), two.coarse.dn.plane(2, band).begin());
  }
  auto const both = run(two, golden_options());
  auto const one = run(golden_input({0}), golden_options());
  for (std::size_t i = 0; i < one.exact.size(); ++i)
    ASSERT_NEAR(both.exact.all()[i], one.exact.all()[i], 1e-8);
}

TEST(Vipstf, negative_factors_can_be_forbidden) {
  FusionInput input = golden_input({0, 2});
  for (Dn& value : input.coarse.dn.all()) value = static_cast<Dn>(value / 4);
  explain_target(input, {2, -1}, 35);  // the noise grows by the root of 5
  auto const allowed = run(input, only_itself({{"vipstf.negative", "allow"}}));
  auto const forbidden = run(input, only_itself({{"vipstf.negative", "forbid"}}));
  auto const automatic = run(input, only_itself());
  EXPECT_TRUE(std::ranges::equal(automatic.exact.all(), forbidden.exact.all()));
  EXPECT_FALSE(std::ranges::equal(automatic.exact.all(), allowed.exact.all()));
  explain_target(input, {1, 0}, 35);
  EXPECT_TRUE(std::ranges::equal(run(input, only_itself()).exact.all(),
                                 run(input, only_itself({{"vipstf.negative", "allow"}})).exact.all()));
}

TEST(Vipstf, filtering_all_smooths_the_virtual_image_too) {
  FusionInput input = golden_input({0});
  for (int b = 0; b < 3; ++b)
    std::ranges::copy(input.coarse.dn.plane(0, b), input.coarse.dn.plane(1, b).begin());
  // Nothing changes, nothing is left over: the plain form gives the fine image back.
  auto const plain = run(input, golden_options());
  EXPECT_NEAR(plain.exact.at(0, 1, 30, 31), input.fine.dn.at(0, 1, 30, 31), 1e-8);
  auto const filtered = run(input, golden_options({{"vipstf.filter_all", "true"}}));
  EXPECT_NE(filtered.output.dn.at(0, 1, 30, 31), plain.output.dn.at(0, 1, 30, 31));
}

// ---- version SU

TEST(Vipstf, unmixing_gives_every_class_its_residual) {
  // Two classes in halves of cells; one changes by 400 where the coarse images tell it, beyond what a line
  // explains.
  FusionInput input = golden_input({0});
  auto const other = [](int x, int y) { return (x + y / 10 * 3 + x / 10 * 7) % 10 < 3 + x / 10; };
  for (int b = 0; b < 3; ++b) {
    for (int y = 0; y < 60; ++y) {
      for (int x = 0; x < 60; ++x) input.fine.dn.at(0, b, y, x) = other(x, y) ? 500 : 2000;
    }
    for (int row = 0; row < 6; ++row) {
      for (int column = 0; column < 6; ++column) {
        int count = 0;
        for (int i = 0; i < 100; ++i) count += other(column * 10 + i % 10, row * 10 + i / 10);
        input.coarse.dn.at(0, b, row, column) = 600;  // says nothing: the line is c_p = c_1 + mean change
        input.coarse.dn.at(1, b, row, column) = static_cast<Dn>(600 + 4 * count);
      }
    }
  }
  auto const result =
      run(input, {{"vipstf.version", "su"}, {"vipstf.classes", "2"}, {"vipstf.ridge", "0.000001"}});
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) ASSERT_NEAR(result.exact.at(0, 1, y, x), other(x, y) ? 900 : 2000, 1);
  }
  auto const ridged =
      run(input, {{"vipstf.version", "su"}, {"vipstf.classes", "2"}, {"vipstf.ridge", "1e9"}});
  EXPECT_NEAR(ridged.exact.at(0, 1, 30, 30) - input.fine.dn.at(0, 1, 30, 30), 4 * 55, 40);
}

TEST(Vipstf, unmixing_works_with_gaps_zones_and_tiles) {
  std::vector<int> const days = {8, 14, 24};
  FusionInput const whole = patchy_scene(96, 8, {10, 20}, days, 5, true);
  ModelSettings settings =
      patchy_settings(8, {{"vipstf.version", "su"}, {"vipstf.radius", "2"}, {"vipstf.classes", "3"}});
  settings.zone_px = 64;
  auto const model = make_model("vipstf", settings);
  EXPECT_EQ(model->info().support.halo_px, 23);
  auto const expected = predict(*model, whole);
  for (Rect const& core :
       {Rect{0, 0, 37, 96}, Rect{37, 0, 59, 41}, Rect{37, 41, 59, 55}, Rect{50, 60, 1, 1}}) {
    FusionInput const tile = testing::tile_of(whole, core, model->info().support);
    EXPECT_TRUE(is_part_of(expected, fuse_tile(*model, tile), core));
  }
  for (std::size_t i = 0; i < expected.exact.plane_size(); ++i) {
    bool const gap = (expected.output.quality.plane(1, 0)[i] & quality::no_data) != 0;
    ASSERT_EQ(gap, std::isnan(expected.exact.plane(1, 1)[i]));
  }
}

// ---- gaps

TEST(Vipstf, a_pixel_without_one_date_uses_the_others) {
  FusionInput input = golden_input({0, 2});
  for (int b = 0; b < 3; ++b) input.fine.dn.at(0, b, 33, 21) = no_data_dn;
  auto const result = run(input, only_itself());
  FusionInput late = golden_input({2});
  auto const alone = run(late, only_itself());
  for (int b = 0; b < 3; ++b) EXPECT_NEAR(result.exact.at(0, b, 33, 21), alone.exact.at(0, b, 33, 21), 1e-9);
  EXPECT_EQ(result.output.quality.at(0, 0, 33, 21),
            quality::fused | quality::extrapolated | quality::input_masked);
  EXPECT_EQ(result.output.quality.at(0, 0, 33, 22), quality::fused);
  for (int b = 0; b < 3; ++b) input.fine.dn.at(1, b, 33, 21) = no_data_dn;
  EXPECT_EQ(run(input, only_itself()).output.quality.at(0, 0, 33, 21), quality::no_data);
}

TEST(Vipstf, a_cloud_in_the_coarse_target_leaves_a_gap) {
  FusionInput input = golden_input({0, 2});
  for (int b = 0; b < 3; ++b) input.coarse.dn.at(1, b, 2, 3) = no_data_dn;
  auto const result = run(input, golden_options());
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) {
      bool const gap = y / 10 == 2 && x / 10 == 3;
      ASSERT_EQ(result.output.quality.at(0, 0, y, x), gap ? quality::no_data : quality::fused);
      ASSERT_EQ(result.output.dn.at(0, 2, y, x) == no_data_dn, gap);
    }
  }
  // A stand-in for a clouded date comes from beyond the two nearest.
  FusionInput const series = patchy_scene(40, 4, {2, 10, 20}, {14}, 3, false);
  auto const model = make_model("vipstf", patchy_settings(4, {}));
  FusionInput clouded = patchy_scene(40, 4, {2, 10, 20}, {14}, 3, false);
  for (int b = 0; b < 2; ++b) std::ranges::fill(clouded.fine.dn.plane(1, b), no_data_dn);
  auto const stand_in = predict(*model, clouded);
  EXPECT_EQ(stand_in.output.quality.at(0, 0, 9, 9), quality::fused | quality::input_masked);
}

TEST(Vipstf, ratios_two_and_fifty_and_constant_images_work) {
  for (int const ratio : {2, 50}) {
    FusionInput const input = patchy_scene(100, ratio, {10, 20}, {14, 20, 22}, 9, true);
    auto const result =
        predict(*make_model("vipstf", patchy_settings(ratio, {{"vipstf.window", "21"}})), input);
    int predicted = 0;
    for (int t = 0; t < 3; ++t) {
      for (std::size_t i = 0; i < result.output.dn.plane_size(); ++i) {
        bool const gap = result.output.dn.plane(t, 0)[i] == no_data_dn;
        predicted += !gap;
        ASSERT_EQ(gap, (result.output.quality.plane(t, 0)[i] & quality::no_data) != 0);
        ASSERT_EQ(gap, std::isnan(result.exact.plane(t, 1)[i]));
      }
    }
    EXPECT_GT(predicted, 15000);
  }
  FusionInput constant = golden_input({0, 2});
  constant.fine.dn.fill(700);
  constant.coarse.dn.fill(650);
  EXPECT_EQ(run(constant, golden_options()).output.dn.at(0, 1, 30, 30), 700);
}

TEST(Vipstf, wrong_options_are_refused_with_the_key) {
  auto const message = [](Options const& options) -> std::string {
    try {
      make_model("vipstf", golden_settings(options));
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "accepted";
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(message({{"vipstf.pairs", "5"}}), HasSubstr("from 1 to 4"));
  EXPECT_THAT(message({{"vipstf.window", "64"}}), HasSubstr("must be odd"));
  EXPECT_THAT(message({{"vipstf.local_window", "24"}}), HasSubstr("must be odd"));
  EXPECT_THAT(message({{"vipstf.negative", "no"}}), HasSubstr("auto, allow, forbid"));
  EXPECT_THAT(message({{"vipstf.regression", "zonal"}}), HasSubstr("global, local"));
  EXPECT_THAT(message({{"vipstf.similarity_bands", "swir"}}), HasSubstr("names swir"));
}

// ---- what the result depends on

TEST(Vipstf, support_is_what_the_method_says_and_no_less) {
  FusionInput const whole = patchy_scene(80, 4, {10, 20}, {14}, 11, false);
  expect_support(*make_model("vipstf", patchy_settings(4, golden_options())), whole, {31, 35, 20, 16});
  expect_support(*make_model("vipstf", patchy_settings(4, golden_options({{"vipstf.regression", "local"},
                                                                          {"vipstf.local_window", "5"}}))),
                 whole, {31, 35, 20, 16});
}

TEST(Vipstf, tiles_threads_targets_and_instruction_sets_change_no_bit) {
  std::vector<int> const days = {8, 10, 14, 17, 24};
  FusionInput const whole = patchy_scene(96, 8, {2, 10, 20, 29}, days, 5, true);
  for (Options const& options :
       {golden_options({{"vipstf.pairs", "3"}}),
        golden_options({{"vipstf.regression", "local"}, {"vipstf.local_window", "5"}})}) {
    ModelSettings settings = patchy_settings(8, options);
    if (!options.contains("vipstf.regression")) settings.zone_px = 32;
    auto const model = make_model("vipstf", settings);
    auto const expected = predict(*model, whole);
    with_threads(2, [&] { EXPECT_TRUE(is_part_of(expected, fuse_tile(*model, whole), whole.core_px)); });
    for (Rect const& core :
         {Rect{0, 0, 37, 96}, Rect{37, 0, 59, 41}, Rect{37, 41, 59, 55}, Rect{50, 60, 1, 1}}) {
      FusionInput const tile = testing::tile_of(whole, core, model->info().support);
      EXPECT_TRUE(is_part_of(expected, fuse_tile(*model, tile), core));
    }
    FusionInput one = patchy_scene(96, 8, {2, 10, 20, 29}, days, 5, true);
    one.targets = {whole.targets[3]};
    auto const alone = fuse_tile(*model, one);
    EXPECT_TRUE(std::ranges::equal(expected.output.dn.plane(3, 1), alone.output.dn.plane(0, 1)));
    for (std::string const& name : simd_targets()) {
      use_simd_target(name);
      EXPECT_TRUE(is_part_of(expected, fuse_tile(*model, whole), whole.core_px)) << name;
    }
    use_simd_target("");
  }
}

TEST(Vipstf, sums_do_not_depend_on_tiles) {
  FusionInput whole = patchy_scene(96, 8, {2, 10, 20}, {8, 14}, 5, true);
  for (int const zone_px : {0, 32}) {
    ModelSettings settings = patchy_settings(8, {});
    settings.zone_px = zone_px;
    auto const model = make_model("vipstf", settings);
    whole.fine.dn = {};
    Statistics once, parts;
    model->observe(whole, once);
    for (Rect const& core : {Rect{0, 0, 96, 16}, Rect{0, 16, 40, 80}, Rect{40, 16, 56, 80}}) {
      Statistics part;
      model->observe(testing::tile_of(whole, core, {}), part);
      parts.merge(part);
    }
    // How often the pairs were told differs, their names do not.
    for (char const* day : {"1970-01-09", "1970-01-15"}) {
      for (char const* row : {"/7", "/3", "/0,0/7", "/5,5/7"}) {
        auto const a = once.find(std::string("vipstf/") + day + row),
                   b = parts.find(std::string("vipstf/") + day + row);
        EXPECT_TRUE(std::ranges::equal(a, b));
        bool const must_be = std::string(row) == (zone_px == 0 ? "/7" : "/5,5/7");
        EXPECT_TRUE(!must_be || !a.empty());
      }
      EXPECT_EQ(once.find_tally(std::string("vipstf/") + day),
                parts.find_tally(std::string("vipstf/") + day));
    }
  }
}

}  // namespace
}  // namespace stfcube
