#include "stfcube/models/classical/estarfm.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using testing::golden_settings;
using ::testing::HasSubstr;
using testing::predict;

using Options = std::map<std::string, std::string>;

Options golden_options(Options options = {}) {
  options.merge(Options{{"estarfm.window", "15"}, {"estarfm.range", "0 10000"}});
  return options;
}

testing::GoldenResult run_golden(Options const& options) {
  return predict(*make_model("estarfm", golden_settings(golden_options(options))), golden_input({0, 2}));
}

TEST(Estarfm, has_the_golden_row) {
  auto const result = run_golden({});
  EXPECT_EQ(result.sum(0), 2614757);
  EXPECT_EQ(result.sum(1), 2770917);
  EXPECT_EQ(result.sum(2), 7011133);
  constexpr int places[4][2] = {{0, 0}, {30, 30}, {38, 22}, {59, 41}};
  constexpr double probes[4][3] = {{394.7297, 275.1869, 131.4068},
                                   {359.3784, 289.5102, 198.9015},
                                   {442.9050, 273.9230, 154.3121},
                                   {636.3910, 424.0255, 3441.6683}};
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t b = 0; b < 3; ++b)
      EXPECT_NEAR(result.probe(places[p][0], places[p][1])[b], probes[p][b], 5.001e-5) << p << ' ' << b;
  }
}

// ---- analytic tests of the specification

/// Ratio 1, 24 x 24 px, pairs on days 0 and 20, target on day 10; values by functions of (day, band, y, x).
template <class Fine, class Coarse>
FusionInput scene_of(int bands, Fine fine, Coarse coarse) {
  constexpr int size = 24;
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = input.cells = {0, 0, size, size};
  input.fine = {{Date{0}, Date{20}}, Stack<Dn>(2, bands, size, size)};
  input.coarse = {{Date{0}, Date{10}, Date{20}}, Stack<Dn>(3, bands, size, size)};
  input.targets = {Date{10}};
  for (int b = 0; b < bands; ++b) {
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        for (int i = 0; i < 2; ++i) input.fine.dn.at(i, b, y, x) = static_cast<Dn>(fine(20 * i, b, y, x));
        for (int i = 0; i < 3; ++i) input.coarse.dn.at(i, b, y, x) = static_cast<Dn>(coarse(10 * i, b, y, x));
      }
    }
  }
  return input;
}

testing::GoldenResult run(FusionInput const& input, Options options = {}, int bands = 2) {
  ModelSettings settings;
  settings.bands = bands == 1 ? std::vector<std::string>{"green"} : std::vector<std::string>{"green", "red"};
  settings.ratio = input.ratio;
  options.merge(Options{{"estarfm.window", "11"}});
  settings.options = options;
  return predict(*make_model("estarfm", settings), input);
}

void expect_all(testing::GoldenResult const& result, auto const& expected, double tolerance) {
  for (int b = 0; b < result.exact.bands(); ++b) {
    for (int y = 0; y < result.exact.rows(); ++y) {
      for (int x = 0; x < result.exact.cols(); ++x)
        ASSERT_NEAR(result.exact.at(0, b, y, x), expected(b, y, x), tolerance) << b << ' ' << y << ' ' << x;
    }
  }
}

TEST(Estarfm, a_linear_relation_of_the_sensors_is_found) {
  auto const coarse = [](int day, int band, int y, int x) {
    return 1000 + 100 * band + 2 * ((7 * x + 3 * y) % 11) + 15 * day;
  };
  for (double const slope : {0.5, 2.0, 5.0}) {
    auto const line = [&](int day, int band, int y, int x) { return slope * coarse(day, band, y, x) - 300; };
    auto const result = run(scene_of(2, line, coarse), {{"estarfm.classes", "1"}});
    expect_all(
        result, [&](int b, int y, int x) { return line(10, b, y, x); }, 1e-8);
    EXPECT_EQ(result.output.quality.at(0, 0, 12, 12), quality::fused);
  }
}

TEST(Estarfm, no_change_since_a_pair_gives_its_fine_image) {
  auto const fine = [](int day, int band, int y, int x) {
    return 500 + 40 * band + (5 * x + y) % 13 + 9 * day;
  };
  auto const coarse = [&](int day, int band, int y, int x) {
    return 450 + 300 * band + (x + y) % 7 + 12 * (day == 10 ? 0 : day);
  };
  auto const result = run(scene_of(2, fine, coarse));
  expect_all(
      result, [&](int b, int y, int x) { return fine(0, b, y, x); }, 1e-6);
}

TEST(Estarfm, constant_images_lie_on_the_line_through_both_pairs) {
  auto const fine = [](int day, int band, int, int) { return 500 + 100 * band + 30 * day; };
  auto const coarse = [](int day, int band, int, int) {
    return 700 + 50 * band + (day == 0 ? 0 : day == 20 ? 400 : 100);
  };
  auto const result = run(scene_of(2, fine, coarse));
  // V = 600 / 400.
  expect_all(
      result, [&](int b, int, int) { return fine(0, b, 0, 0) + 150; }, 1e-9);
  // One band: the weights come from relative differences, the line is the same.
  auto const single = run(scene_of(1, fine, coarse), {}, 1);
  EXPECT_NEAR(single.exact.at(0, 0, 5, 5), 650, 1e-9);
  EXPECT_EQ(single.output.quality.at(0, 0, 5, 5), quality::fused);
}

TEST(Estarfm, few_similar_pixels_give_the_increment_of_window_means) {
  auto const fine = [](int day, int band, int y, int x) {
    return 100 + 17 * (24 * y + x) / (band + 1) + day;
  };
  auto const coarse = [](int day, int, int y, int x) {
    return 1000 + 10 * y + (day == 0 ? 0 : day == 10 ? 3 * x : 100 + 5 * x);
  };
  auto const input = scene_of(2, fine, coarse);
  auto const result = run(input, {{"estarfm.classes", "1000"}, {"estarfm.window", "5"}});
  double const change0 = 3 * 12, change1 = 3 * 12 - (100 + 5 * 12);  // window means at column 12
  double const share0 = 1 / change0 / (1 / change0 + 1 / -change1);
  double const expected =
      share0 * (fine(0, 0, 12, 12) + change0) + (1 - share0) * (fine(20, 0, 12, 12) + change1);
  EXPECT_NEAR(result.exact.at(0, 0, 12, 12), expected, 1e-7);
  EXPECT_EQ(result.output.quality.at(0, 0, 12, 12), quality::fused | quality::low_confidence);
  EXPECT_NE(run(input, {{"estarfm.classes", "20"}, {"estarfm.window", "5"}, {"estarfm.least", "2"}})
                .exact.at(0, 0, 12, 12),
            expected);
}

TEST(Estarfm, conversion_begins_at_its_least_change) {
  auto const fine = [](int day, int, int, int) { return 500 + 20 * day; };
  for (int const change : {199, 200}) {
    auto const coarse = [&](int day, int, int, int) {
      return 700 + (day == 0 ? 0 : day == 20 ? change : 100);
    };
    auto const input = scene_of(2, fine, coarse);
    double const t0 = 1.0 / 100, t1 = 1.0 / (change - 100);
    double const unconverted = (t0 * (500 + 100) + t1 * (900 + 100 - change)) / (t0 + t1);
    double const converted = 500 + 100 * 400.0 / change;
    EXPECT_NEAR(run(input).exact.at(0, 0, 9, 9), change < 200 ? unconverted : converted, 1e-7);
    EXPECT_NEAR(run(input, {{"estarfm.v_change", "150"}}).exact.at(0, 0, 9, 9), converted, 1e-7);
    EXPECT_NEAR(run(input, {{"estarfm.v", "off"}}).exact.at(0, 0, 9, 9), unconverted, 1e-7);
  }
}

TEST(Estarfm, predictions_that_leave_the_range_are_replaced) {
  auto const fine = [](int, int, int, int) { return 300; };
  auto const coarse = [](int day, int, int, int) { return day == 10 ? 100 : 500; };
  auto const input = scene_of(2, fine, coarse);
  EXPECT_NEAR(run(input).exact.at(0, 0, 9, 9), -100, 1e-9);
  auto const inside = run(input, {{"estarfm.range", "0 10000"}});
  EXPECT_NEAR(inside.exact.at(0, 0, 9, 9), 300, 1e-9);
  EXPECT_EQ(inside.output.quality.at(0, 0, 9, 9), quality::fused | quality::clamped);
  EXPECT_NEAR(run(input, {{"estarfm.range", "-100 10000"}}).exact.at(0, 0, 9, 9), 300, 1e-9);  // exclusive
}

TEST(Estarfm, swapped_pairs_change_nothing_of_importance) {
  FusionInput swapped = golden_input({0, 2});
  for (int band = 0; band < 3; ++band) {
    std::ranges::swap_ranges(swapped.fine.dn.plane(0, band), swapped.fine.dn.plane(1, band));
    std::ranges::swap_ranges(swapped.coarse.dn.plane(0, band), swapped.coarse.dn.plane(2, band));
  }
  auto const one = run_golden({});
  auto const other = predict(*make_model("estarfm", golden_settings(golden_options())), swapped);
  for (std::size_t i = 0; i < one.exact.size(); ++i)
    ASSERT_NEAR(one.exact.all()[i], other.exact.all()[i], 1e-7);
}

// ---- what a pixel depends on

/// The numbers of `whole` inside `core` are those of `tile`.
bool tile_equals(testing::GoldenResult const& whole, testing::GoldenResult const& tile, Rect const& core) {
  for (int t = 0; t < tile.exact.dates(); ++t) {
    for (int y = 0; y < core.height; ++y) {
      for (int x = 0; x < core.width; ++x) {
        if (whole.output.quality.at(t, 0, core.y + y, core.x + x) != tile.output.quality.at(t, 0, y, x))
          return false;
        for (int b = 0; b < tile.exact.bands(); ++b) {
          double const expected = whole.exact.at(t, b, core.y + y, core.x + x),
                       found = tile.exact.at(t, b, y, x);
          if (std::isnan(expected) ? !std::isnan(found) : expected != found) return false;
          if (whole.output.uncertainty.at(t, b, core.y + y, core.x + x) !=
              tile.output.uncertainty.at(t, b, y, x))
            return false;
        }
      }
    }
  }
  return true;
}

TEST(Estarfm, tiles_equal_the_whole_and_need_their_halo) {
  FusionInput const whole = golden_input({0, 2});
  auto const model = make_model("estarfm", golden_settings(golden_options()));
  auto const expected = predict(*model, whole);
  Rect const core{23, 17, 13, 20};
  Support const support = model->info().support;
  EXPECT_EQ(support.halo_px, 7);
  EXPECT_TRUE(tile_equals(expected, predict(*model, testing::tile_of(whole, core, support)), core));
  FusionInput poisoned = testing::tile_of(whole, core, support);
  Rect const less = grow(core, support.halo_px - 1);
  for (int y = 0; y < poisoned.padded_px.height; ++y) {
    for (int x = 0; x < poisoned.padded_px.width; ++x) {
      if (less.contains({poisoned.padded_px.x + x, poisoned.padded_px.y + y, 1, 1})) continue;
      for (int i = 0; i < 6; ++i)
        poisoned.fine.dn.at(i / 3, i % 3, y, x) = poisoned.fine.dn.at(i / 3, i % 3, 14, 13);
    }
  }
  EXPECT_FALSE(tile_equals(expected, predict(*model, poisoned), core));
  Support smaller = support;
  --smaller.halo_cells;
  EXPECT_THROW(predict(*model, testing::tile_of(whole, core, smaller)), Error);
}

TEST(Estarfm, tiles_threads_and_the_number_of_targets_change_no_bit) {
  std::vector<int> const days = {5, 10, 12, 20, 30, 40, 44, 60, 69, 75, 80};
  FusionInput const whole = testing::patchy_scene(90, 8, {10, 70, 85}, days, 5, true);
  for (Options const& options :
       {Options{}, Options{{"estarfm.single_pair", "starfm"}, {"starfm.window", "9"}}}) {
    ModelSettings settings = testing::patchy_settings(8, options);
    settings.options.merge(Options{{"estarfm.window", "11"}});
    settings.zone_px = options.empty() ? 32 : 0;
    auto const model = make_model("estarfm", settings);
    testing::GoldenResult const expected = predict(*model, whole);
    with_threads(2, [&] { EXPECT_TRUE(tile_equals(expected, predict(*model, whole), whole.core_px)); });
    for (Rect const& core : {Rect{0, 0, 37, 90}, Rect{37, 0, 53, 41}, Rect{50, 60, 1, 1}}) {
      auto const tile = predict(*model, testing::tile_of(whole, core, model->info().support));
      EXPECT_TRUE(tile_equals(expected, tile, core));
    }
    for (std::size_t t = 0; t < days.size(); t += 2) {
      FusionInput one = testing::patchy_scene(90, 8, {10, 70, 85}, days, 5, true);
      one.targets = {whole.targets[t]};
      auto const alone = predict(*model, one);
      for (int b = 0; b < 2; ++b) {
        auto const many = expected.exact.plane(static_cast<int>(t), b), single = alone.exact.plane(0, b);
        for (std::size_t i = 0; i < many.size(); ++i)
          ASSERT_TRUE(many[i] == single[i] || (std::isnan(many[i]) && std::isnan(single[i])))
              << t << ' ' << i;
      }
    }
  }
}

TEST(Estarfm, pixels_with_one_pair_are_left_out_or_given_to_starfm) {
  FusionInput input = golden_input({0, 2});
  for (int b = 0; b < 3; ++b) {
    for (int x = 10; x < 20; ++x) input.fine.dn.at(1, b, 10, x) = no_data_dn;
    input.fine.dn.at(0, b, 10, 15) = no_data_dn;
  }
  auto const left_out = predict(*make_model("estarfm", golden_settings(golden_options())), input);
  EXPECT_EQ(left_out.output.quality.at(0, 0, 10, 12), quality::no_data);
  EXPECT_EQ(left_out.output.dn.at(0, 2, 10, 12), no_data_dn);
  EXPECT_EQ(left_out.output.quality.at(0, 0, 10, 20), quality::fused);
  auto const model =
      make_model("estarfm", golden_settings(golden_options({{"estarfm.single_pair", "starfm"}})));
  EXPECT_EQ(model->info().pairs_needed, 1);
  auto const given = predict(*model, input);
  auto const starfm = predict(*make_model("starfm", golden_settings({})), input);
  EXPECT_EQ(given.exact.at(0, 2, 10, 12), starfm.exact.at(0, 2, 10, 12));
  EXPECT_EQ(given.output.uncertainty.at(0, 2, 10, 12), starfm.output.uncertainty.at(0, 2, 10, 12));
  EXPECT_EQ(given.output.quality.at(0, 0, 10, 12), quality::fused | quality::extrapolated);
  EXPECT_EQ(given.output.quality.at(0, 0, 10, 15), quality::no_data);
  EXPECT_EQ(given.exact.at(0, 2, 10, 20), left_out.exact.at(0, 2, 10, 20));
}

TEST(Estarfm, wrong_options_name_what_is_allowed) {
  auto const message = [](Options const& options) -> std::string {
    try {
      make_model("estarfm", golden_settings(options));
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({{"estarfm.window", "10"}}), HasSubstr("must be odd"));
  EXPECT_THAT(message({{"estarfm.v_scope", "cell"}}), HasSubstr("window, coarse_pixel"));
  EXPECT_THAT(message({{"estarfm.single_pair", "yes"}}), HasSubstr("none, starfm"));
  EXPECT_THAT(message({{"estarfm.range", "5"}}), HasSubstr("two ascending numbers"));
  EXPECT_THAT(message({{"estarfm.range", "5 x"}}), HasSubstr("two ascending numbers"));
  EXPECT_THAT(message({{"estarfm.coarse", "bicubic"}}), HasSubstr("bilinear, nearest"));
}

TEST(Estarfm, boreas_accuracy_is_that_of_the_specs) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const model = make_model("estarfm", testing::boreas_settings({{"estarfm.range", "0 10000"}}));
  auto const result = predict(*model, testing::boreas_input({0, 2}));
  auto const accuracy = testing::boreas_accuracy(result.output.dn);
  testing::BoreasAccuracy const expected = {{.0054, .0048, .0125}, {.0038, .0035, .0094}, {.867, .904, .962}};
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(accuracy.rmse[band], expected.rmse[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.mae[band], expected.mae[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.cc[band], expected.cc[band], 5e-4) << band;
  }
}

TEST(Estarfm, told_uncertainty_is_about_that_of_real_errors) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const result = predict(*make_model("estarfm", testing::boreas_settings({})), testing::boreas_input({0, 2}));
  EXPECT_NEAR(testing::boreas_share_within_sigma(result.output), 0.68, 0.12);
}

}  // namespace
}  // namespace stfcube
