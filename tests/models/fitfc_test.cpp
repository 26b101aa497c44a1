#include "stfcube/models/classical/fitfc.hpp"

#include <array>
#include <cmath>
#include <random>

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
using testing::simple_scene;

Options golden_options(Options options = {}) {
  options.merge(Options{{"fitfc.window", "15"}, {"fitfc.similar", "12"}});
  return options;
}

testing::GoldenResult run(FusionInput const& input, Options const& options) {
  return predict(*make_model("fitfc", golden_settings(options)), input);
}

/// One band, ratio 4.
testing::GoldenResult run_simple(FusionInput const& input, Options const& options) {
  ModelSettings settings;
  settings.bands = {"green"};
  settings.ratio = input.ratio;
  settings.options = options;
  return predict(*make_model("fitfc", settings), input);
}

int uneven(int y, int x) {
  return 300 + 17 * ((x * 7 + y * 13) % 29) + 3 * y;
}
int uneven_cell(int row, int column) {
  return 500 + 41 * ((row * 5 + column * 3) % 11);
}

TEST(FitFc, has_the_golden_row) {
  expect_golden(run(golden_input({0}), golden_options()), {{2603177, 2796778, 6978583},
                                                           {{{395.8378, 278.7588, 114.0250},
                                                             {311.2056, 241.2807, -112.6714},
                                                             {330.3747, 103.7086, -139.4952},
                                                             {621.1187, 409.9154, 3078.1116}}}});
}

TEST(FitFc, regression_alone_has_its_golden_row) {
  auto const result = run(golden_input({0}), golden_options({{"fitfc.result", "regression"}}));
  std::array<std::int64_t, 3> const sums = {2599336, 2788273, 6963976};
  std::array<double, 3> const p1 = {359.8322, 202.6947, 60.6196}, p3 = {401.2707, 185.9058, 161.6244};
  for (std::size_t b = 0; b < 3; ++b) {
    EXPECT_EQ(result.sum(static_cast<int>(b)), sums[b]);
    EXPECT_NEAR(result.probe(0, 0)[b], p1[b], 5.001e-5);
    EXPECT_NEAR(result.probe(38, 22)[b], p3[b], 5.001e-5);
  }
}

// ---- analytic tests of the specification

TEST(FitFc, a_linear_change_is_found_exactly) {
  auto const input = simple_scene(uneven, uneven_cell,
                                  [](int row, int column) { return 2 * uneven_cell(row, column) - 150; });
  auto const result = run_simple(input, {{"fitfc.similar", "1"}});
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) ASSERT_NEAR(result.exact.at(0, 0, y, x), 2 * uneven(y, x) - 150, 1e-9);
  }
}

TEST(FitFc, constant_coarse_images_keep_the_texture) {
  auto const input = simple_scene(
      uneven, [](int, int) { return 700; }, [](int, int) { return 790; });
  auto const result = run_simple(input, {{"fitfc.similar", "1"}});
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) ASSERT_NEAR(result.exact.at(0, 0, y, x), uneven(y, x) + 90, 1e-9);
  }
  // The variance up to which that holds is an option.
  auto const sloped =
      simple_scene(uneven, uneven_cell, [](int row, int column) { return 2 * uneven_cell(row, column); });
  EXPECT_NE(run_simple(sloped, {}).sum(0), run_simple(sloped, {{"fitfc.var_min", "1e9"}}).sum(0));
}

TEST(FitFc, no_change_gives_the_mean_of_similar_pixels) {
  auto const input = simple_scene(uneven, uneven_cell, uneven_cell);
  auto const one = run_simple(input, {{"fitfc.similar", "1"}, {"fitfc.window", "5"}});
  auto const all = run_simple(input, {{"fitfc.similar", "25"}, {"fitfc.window", "5"}});
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) {
      ASSERT_EQ(one.exact.at(0, 0, y, x), uneven(y, x));
      double sum = 0, total = 0;
      for (int j = std::max(0, y - 2); j <= std::min(23, y + 2); ++j) {
        for (int i = std::max(0, x - 2); i <= std::min(23, x + 2); ++i) {
          double const weight = 1 / (1 + std::hypot(i - x, j - y) / 2.5);
          sum += weight * uneven(j, i);
          total += weight;
        }
      }
      ASSERT_NEAR(all.exact.at(0, 0, y, x), sum / total, 1e-9);
      bool const edge = x < 2 || y < 2 || x > 21 || y > 21;
      ASSERT_EQ((all.output.quality.at(0, 0, y, x) & quality::low_confidence) != 0, edge);
    }
  }
}

TEST(FitFc, a_regression_of_one_cell_is_the_nearest_increment) {
  FusionInput const input = golden_input({0});
  auto const result = run(input, {{"fitfc.regression", "0"}, {"fitfc.similar", "1"}});
  auto const increment =
      predict(*make_model("increment", golden_settings({{"increment.coarse", "nearest"}})), input);
  for (std::size_t i = 0; i < result.exact.size(); ++i)
    ASSERT_NEAR(result.exact.all()[i], increment.exact.all()[i], 1e-9);
}

TEST(FitFc, a_constant_added_to_the_coarse_target_is_added_to_the_prediction) {
  FusionInput moved = golden_input({0});
  for (int b = 0; b < 3; ++b) {
    for (Dn& value : moved.coarse.dn.plane(1, b)) value = static_cast<Dn>(value + 321);
  }
  auto const before = run(golden_input({0}), golden_options()), after = run(moved, golden_options());
  for (std::size_t i = 0; i < before.exact.size(); ++i)
    ASSERT_NEAR(after.exact.all()[i], before.exact.all()[i] + 321, 1e-8);
}

// ---- options

TEST(FitFc, bounds_and_ridge_hold_slopes_down) {
  auto const input =
      simple_scene(uneven, uneven_cell, [](int row, int column) { return 3 * uneven_cell(row, column); });
  auto const at = [&](Options options) {
    options["fitfc.result"] = "regression";
    auto const result = run_simple(input, options);
    return (result.exact.at(0, 0, 9, 10) - result.exact.at(0, 0, 9, 9)) / (uneven(9, 10) - uneven(9, 9));
  };
  EXPECT_NEAR(at({}), 3, 1e-9);
  EXPECT_NEAR(at({{"fitfc.a_bounds", "0 2"}}), 2, 1e-9);
  EXPECT_NEAR(at({{"fitfc.a_bounds", "4 5"}}), 4, 1e-9);
  double const ridged = at({{"fitfc.ridge", "25"}});
  EXPECT_GT(ridged, 2);
  EXPECT_LT(ridged, 3);
  EXPECT_NEAR(at({{"fitfc.ridge", "1000000"}}), 1, 1e-4);
}

TEST(FitFc, the_preset_stands_for_its_options) {
  FusionInput const input = patchy_scene(60, 4, {10}, {14}, 3, false);
  auto const with = [&](Options const& options) {
    ModelSettings settings = patchy_settings(4, options);
    settings.bands = {"red", "nir"};
    return predict(*make_model("fitfc", settings), input);
  };
  auto const preset = with({{"fitfc.preset", "landsat-modis"}});
  auto const spelled = with({{"fitfc.window", "41"},
                             {"fitfc.similar", "20"},
                             {"fitfc.distance", "20.5"},
                             {"fitfc.similarity_bands", "red nir"}});
  EXPECT_TRUE(std::ranges::equal(preset.exact.all(), spelled.exact.all()));
  EXPECT_FALSE(std::ranges::equal(preset.exact.all(), with({}).exact.all()));
  EXPECT_FALSE(std::ranges::equal(
      preset.exact.all(),
      with({{"fitfc.preset", "landsat-modis"}, {"fitfc.similarity_bands", "nir"}}).exact.all()));
  EXPECT_FALSE(std::ranges::equal(with({{"fitfc.distance", "3"}}).exact.all(), with({}).exact.all()));
  EXPECT_FALSE(std::ranges::equal(with({{"fitfc.regression", "2"}}).exact.all(), with({}).exact.all()));
  EXPECT_FALSE(std::ranges::equal(with({{"fitfc.result", "filtered"}}).exact.all(), with({}).exact.all()));
}

TEST(FitFc, wrong_options_are_refused_with_the_key) {
  auto const message = [](Options const& options) -> std::string {
    try {
      make_model("fitfc", golden_settings(options));
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "accepted";
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(message({{"fitfc.window", "30"}}), HasSubstr("must be odd"));
  EXPECT_THAT(message({{"fitfc.window", "203"}}), HasSubstr("fitfc.window"));
  EXPECT_THAT(message({{"fitfc.similar", "0"}}), HasSubstr("fitfc.similar"));
  EXPECT_THAT(message({{"fitfc.similarity_bands", "blue"}}), HasSubstr("names blue"));
  EXPECT_THAT(message({{"fitfc.a_bounds", "5 0"}}), HasSubstr("fitfc.a_bounds"));
  EXPECT_THAT(message({{"fitfc.a_bounds", "5"}}), HasSubstr("fitfc.a_bounds"));
  EXPECT_THAT(message({{"fitfc.preset", "s2"}}), HasSubstr("landsat-modis"));
  EXPECT_THAT(message({{"fitfc.result", "rm"}}), HasSubstr("complete, filtered, regression"));
  EXPECT_EQ(message({{"fitfc.a_bounds", "0 5"}}), "accepted");
}

// ---- gaps

TEST(FitFc, a_cloud_over_a_cell_leaves_a_gap_that_neighbours_can_lend) {
  auto const input = simple_scene(uneven, uneven_cell, [](int row, int column) {
    return row == 2 && column == 3 ? int{no_data_dn} : 2 * uneven_cell(row, column) - 150;
  });
  auto const plain = run_simple(input, {{"fitfc.similar", "1"}});
  auto const lent = run_simple(input, {{"fitfc.similar", "1"}, {"fitfc.borrow", "true"}});
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) {
      bool const clouded = y / 4 == 2 && x / 4 == 3;
      bool const beside = std::abs(y / 4 - 2) <= 1 && std::abs(x / 4 - 3) <= 1;
      ASSERT_EQ(plain.output.dn.at(0, 0, y, x), clouded ? no_data_dn : 2 * uneven(y, x) - 150);
      ASSERT_EQ(lent.output.dn.at(0, 0, y, x), 2 * uneven(y, x) - 150);
      ASSERT_EQ(plain.output.quality.at(0, 0, y, x),
                clouded ? quality::no_data
                        : quality::fused | quality::extrapolated | (beside ? quality::input_masked : 0));
      ASSERT_EQ(lent.output.quality.at(0, 0, y, x), quality::fused | quality::extrapolated |
                                                        (beside ? quality::input_masked : 0) |
                                                        (clouded ? quality::low_confidence : 0));
    }
  }
}

TEST(FitFc, one_valid_pixel_is_predicted_from_itself) {
  auto input = simple_scene([](int y, int x) { return y == 9 && x == 14 ? 800 : int{no_data_dn}; },
                            uneven_cell, [](int row, int column) { return uneven_cell(row, column) + 50; });
  auto const result = run_simple(input, {});
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) {
      bool const here = y == 9 && x == 14;
      ASSERT_EQ(result.output.dn.at(0, 0, y, x), here ? 850 : no_data_dn);
      ASSERT_EQ(result.output.quality.at(0, 0, y, x),
                here ? quality::fused | quality::extrapolated | quality::low_confidence : quality::no_data);
    }
  }
  input.targets = {Date{2}};  // no coarse image at all
  EXPECT_TRUE(
      std::ranges::all_of(run_simple(input, {}).output.dn.all(), [](Dn v) { return v == no_data_dn; }));
  input.targets = {Date{1}};
  input.fine.dates = {Date{500}};  // no pair
  EXPECT_TRUE(
      std::ranges::all_of(run_simple(input, {}).output.dn.all(), [](Dn v) { return v == no_data_dn; }));
}

TEST(FitFc, values_beyond_the_range_are_clamped) {
  auto const constant = [](int value) { return [value](int, int) { return value; }; };
  auto const high =
      run_simple(simple_scene(constant(15990), constant(100), constant(150)), {{"fitfc.window", "7"}});
  EXPECT_EQ(high.output.dn.at(0, 0, 12, 12), 16000);
  EXPECT_EQ(high.output.quality.at(0, 0, 12, 12), quality::fused | quality::extrapolated | quality::clamped);
}

TEST(FitFc, ratios_two_and_fifty_work_with_gaps) {
  for (int const ratio : {2, 50}) {
    FusionInput const input = patchy_scene(100, ratio, {10, 20}, {14, 20, 22}, 9, true);
    auto const result = predict(*make_model("fitfc", patchy_settings(ratio, {})), input);
    int predicted = 0;
    for (int t = 0; t < 3; ++t) {
      for (std::size_t i = 0; i < result.output.dn.plane_size(); ++i) {
        bool const gap = result.output.dn.plane(t, 0)[i] == no_data_dn;
        predicted += !gap;
        ASSERT_EQ(gap, (result.output.quality.plane(t, 0)[i] & quality::no_data) != 0);
        ASSERT_EQ(gap, std::isnan(result.exact.plane(t, 1)[i]));
        ASSERT_EQ(gap, result.output.uncertainty.plane(t, 1)[i] == no_data_dn);
      }
    }
    EXPECT_GT(predicted, 15000);
  }
}

TEST(FitFc, told_uncertainty_is_about_that_of_real_errors) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const result = predict(*make_model("fitfc", testing::boreas_settings({})), testing::boreas_input({2}));
  EXPECT_NEAR(testing::boreas_share_within_sigma(result.output), 0.68, 0.12);
}

// ---- what the result depends on

TEST(FitFc, support_is_what_the_method_says_and_no_less) {
  FusionInput const whole = patchy_scene(80, 4, {10}, {14}, 11, false);
  for (char const* r : {"1", "2"}) {
    auto const model = make_model("fitfc", patchy_settings(4, golden_options({{"fitfc.regression", r}})));
    expect_support(*model, whole, {31, 35, 20, 16});
  }
}

TEST(FitFc, tiles_threads_targets_and_instruction_sets_change_no_bit) {
  std::vector<int> const days = {8, 10, 12, 14, 16, 17, 18, 19, 22, 24, 30};
  FusionInput const whole = patchy_scene(100, 8, {10, 20}, days, 5, true);
  for (Options const& options : {Options{}, Options{{"fitfc.borrow", "true"}, {"fitfc.window", "9"}}}) {
    auto const model = make_model("fitfc", patchy_settings(8, options));
    auto const expected = predict(*model, whole);
    with_threads(2, [&] { EXPECT_TRUE(is_part_of(expected, fuse_tile(*model, whole), whole.core_px)); });
    for (Rect const& core :
         {Rect{0, 0, 37, 100}, Rect{37, 0, 63, 41}, Rect{37, 41, 63, 59}, Rect{50, 60, 1, 1}}) {
      FusionInput const tile = testing::tile_of(whole, core, model->info().support);
      EXPECT_TRUE(is_part_of(expected, fuse_tile(*model, tile), core));
    }
    for (std::size_t t = 0; t < days.size(); t += 3) {
      FusionInput one = patchy_scene(100, 8, {10, 20}, days, 5, true);
      one.targets = {whole.targets[t]};
      auto const alone = fuse_tile(*model, one);
      for (int b = 0; b < 2; ++b) {
        EXPECT_TRUE(std::ranges::equal(expected.output.dn.plane(static_cast<int>(t), b),
                                       alone.output.dn.plane(0, b)));
        EXPECT_TRUE(std::ranges::equal(expected.output.uncertainty.plane(static_cast<int>(t), b),
                                       alone.output.uncertainty.plane(0, b)));
      }
    }
    for (std::string const& name : simd_targets()) {
      use_simd_target(name);
      EXPECT_TRUE(is_part_of(expected, fuse_tile(*model, whole), whole.core_px)) << name;
    }
    use_simd_target("");
  }
}

}  // namespace
}  // namespace stfcube
