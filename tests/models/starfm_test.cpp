#include "stfcube/models/classical/starfm.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
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
using testing::run_simple;
using testing::run_starfm;
using testing::simple_scene;

struct GoldenRow {
  std::array<std::int64_t, 3> sums;
  std::array<std::array<double, 3>, 4> probes;  ///< at (0, 0), (30, 30), (38, 22), (59, 41)
};

void expect_golden(testing::GoldenResult const& result, GoldenRow const& row) {
  constexpr int places[4][2] = {{0, 0}, {30, 30}, {38, 22}, {59, 41}};
  for (int band = 0; band < 3; ++band) {
    auto const b = static_cast<std::size_t>(band);
    EXPECT_EQ(result.sum(band), row.sums[b]);
    for (std::size_t p = 0; p < 4; ++p) {
      EXPECT_NEAR(result.probe(places[p][0], places[p][1])[b], row.probes[p][b], 5.001e-5)
          << p << ' ' << band;
    }
  }
}

TEST(Starfm, one_pair_has_the_golden_row) {
  expect_golden(run_starfm(golden_input({0}), golden_options()), {{2616001, 2791567, 7150712},
                                                                  {{{445.9828, 320.5095, 240.2015},
                                                                    {368.1509, 320.9062, 297.6703},
                                                                    {377.8523, 242.4152, 74.7155},
                                                                    {650.1889, 500.4726, 2979.4429}}}});
}

TEST(Starfm, two_pairs_have_the_golden_row) {
  expect_golden(run_starfm(golden_input({0, 2}), golden_options()), {{2593672, 2751138, 6984757},
                                                                     {{{424.7903, 329.8200, 165.2818},
                                                                       {392.9828, 319.5813, 154.2131},
                                                                       {439.7327, 316.8429, 152.8682},
                                                                       {615.7860, 431.1175, 3456.4135}}}});
}

TEST(Starfm, both_tests_have_the_golden_row) {
  expect_golden(run_starfm(golden_input({0, 2}), golden_options({{"starfm.filter", "and"}})),
                {{2581906, 2744559, 6935484},
                 {{{424.7903, 329.8200, 206.5716},
                   {389.0993, 317.6906, 149.6161},
                   {443.5914, 316.9446, 152.8682},
                   {619.9589, 439.9462, 3257.0000}}}});
}

TEST(Starfm, logarithmic_weights_have_the_golden_row) {
  expect_golden(run_starfm(golden_input({0, 2}), golden_options({{"starfm.log", "true"}})),
                {{2608725, 2750835, 7019205},
                 {{{417.6498, 323.5440, 175.7749},
                   {399.6558, 334.8394, 168.7025},
                   {443.2153, 321.6409, 152.3033},
                   {609.7914, 422.6715, 3410.7975}}}});
}

// ---- analytic tests of the specification

TEST(Starfm, a_constant_change_moves_classes_exactly) {
  auto const fine = [](int y, int x) { return (x / 5 + y / 7) % 2 == 0 ? 300 : 2000; };
  auto const before = [&](int row, int column) {
    int sum = 0;
    for (int i = 0; i < 16; ++i) sum += fine(row * 4 + i / 4, column * 4 + i % 4);
    return sum / 16;
  };
  for (int const change : {0, 77}) {
    auto const input =
        simple_scene(fine, before, [&](int row, int column) { return before(row, column) + change; });
    auto const result = run_simple(input, {{"starfm.window", "11"}});
    for (int y = 0; y < 24; ++y) {
      for (int x = 0; x < 24; ++x) {
        ASSERT_EQ(result.output.dn.at(0, 0, y, x), fine(y, x) + change);
        ASSERT_NEAR(result.exact.at(0, 0, y, x), fine(y, x) + change, 1e-9);
      }
    }
    // One class only contributes: nothing is left but the sensors' uncertainty, sqrt(20^2 + 2 * 20^2).
    EXPECT_EQ(result.output.uncertainty.at(0, 0, 12, 12), 35);
  }
}

TEST(Starfm, equal_images_give_the_mean_of_the_coarse_target) {
  auto const after = [](int row, int column) { return 1000 + 10 * row + 3 * column; };
  auto const input = simple_scene([](int, int) { return 500; }, [](int, int) { return 500; }, after);
  auto const result = run_simple(input, {{"starfm.window", "5"}});
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) {
      double sum = 0;
      int count = 0;
      for (int j = std::max(0, y - 2); j <= std::min(23, y + 2); ++j) {
        for (int i = std::max(0, x - 2); i <= std::min(23, x + 2); ++i, ++count) sum += after(j / 4, i / 4);
      }
      ASSERT_NEAR(result.exact.at(0, 0, y, x), sum / count, 1e-9) << y << ' ' << x;
    }
  }
}

TEST(Starfm, a_single_candidate_gives_the_increment) {
  auto const input = simple_scene([](int y, int x) { return 100 + 7 * (24 * y + x); },
                                  [](int row, int column) { return 1000 + 100 * row + column; },
                                  [](int row, int column) { return 1200 + 70 * row - 13 * column; });
  auto const result = run_simple(input, {{"starfm.window", "11"}, {"starfm.slices", "1000"}});
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) {
      double const expected = input.fine.dn.at(0, 0, y, x) + 200 - 30 * (y / 4) - 14 * (x / 4);
      ASSERT_NEAR(result.exact.at(0, 0, y, x), expected, 1e-9);
      EXPECT_EQ(result.output.uncertainty.at(0, 0, y, x), 35);
    }
  }
}

TEST(Starfm, two_equal_pairs_are_one_pair_with_t) {
  FusionInput two = golden_input({0, 2});
  for (int band = 0; band < 3; ++band) {
    std::ranges::copy(two.fine.dn.plane(0, band), two.fine.dn.plane(1, band).begin());
    std::ranges::copy(two.coarse.dn.plane(0, band), two.coarse.dn.plane(2, band).begin());
  }
  auto const both = run_starfm(two, golden_options());
  auto const one = run_starfm(golden_input({0}), golden_options({{"starfm.use_t", "on"}}));
  for (std::size_t i = 0; i < one.exact.size(); ++i) {
    ASSERT_NEAR(both.exact.all()[i], one.exact.all()[i], 1e-8);
  }
  auto const without = run_starfm(golden_input({0}), golden_options());
  EXPECT_NE(one.sum(2), without.sum(2));
  EXPECT_EQ(run_starfm(golden_input({0, 2}), golden_options({{"starfm.use_t", "off"}, {"starfm.pairs", "1"}}))
                .sum(2),
            without.sum(2));
}

TEST(Starfm, a_constant_added_to_all_images_is_added_to_the_prediction) {
  FusionInput moved = golden_input({0, 2});
  for (Dn& value : moved.fine.dn.all()) value = static_cast<Dn>(value + 250);
  for (Dn& value : moved.coarse.dn.all()) value = static_cast<Dn>(value + 250);
  auto const before = run_starfm(golden_input({0, 2}), golden_options()),
             after = run_starfm(moved, golden_options());
  for (std::size_t i = 0; i < before.exact.size(); ++i) {
    ASSERT_NEAR(after.exact.all()[i], before.exact.all()[i] + 250, 1e-8);
  }
}

TEST(Starfm, constant_images_and_values_beyond_the_range) {
  auto const constant = [](int value) { return [value](int, int) { return value; }; };
  auto const result =
      run_simple(simple_scene(constant(400), constant(900), constant(700)), {{"starfm.window", "5"}});
  EXPECT_EQ(result.output.dn.at(0, 0, 3, 3), 200);
  auto const high =
      run_simple(simple_scene(constant(15990), constant(100), constant(150)), {{"starfm.window", "5"}});
  EXPECT_EQ(high.output.dn.at(0, 0, 3, 3), 16000);
  EXPECT_EQ(high.output.quality.at(0, 0, 3, 3), quality::fused | quality::extrapolated | quality::clamped);
  auto const low =
      run_simple(simple_scene(constant(-1990), constant(100), constant(50)), {{"starfm.window", "5"}});
  EXPECT_EQ(low.output.dn.at(0, 0, 3, 3), -2000);
  // A window of one pixel is the increment.
  auto const single =
      run_simple(simple_scene(constant(400), constant(900), constant(700)), {{"starfm.window", "1"}});
  EXPECT_EQ(single.output.dn.at(0, 0, 0, 0), 200);
}

TEST(Starfm, bilinear_coarse_images_are_rounded) {
  FusionInput const input = golden_input({0});
  FusionInput fine_coarse = golden_input({0});
  // The same scene with coarse images already on the fine grid, made by the rule of the specification.
  fine_coarse.ratio = 1;
  fine_coarse.cells = fine_coarse.scene_px;
  fine_coarse.coarse.dn = Stack<Dn>(2, 3, 60, 60);
  auto const floor_div = [](int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); };
  std::int64_t sum = 0;
  for (int d = 0; d < 2; ++d) {
    for (int b = 0; b < 3; ++b) {
      for (int y = 0; y < 60; ++y) {
        for (int x = 0; x < 60; ++x) {
          int const x0 = floor_div(2 * x + 1 - 10, 20), p = 2 * x + 1 - 10 - 20 * x0;
          int const y0 = floor_div(2 * y + 1 - 10, 20), q = 2 * y + 1 - 10 - 20 * y0;
          auto const c = [&](int row, int column) {
            return int{input.coarse.dn.at(d, b, std::clamp(row, 0, 5), std::clamp(column, 0, 5))};
          };
          int const numerator = (20 - q) * ((20 - p) * c(y0, x0) + p * c(y0, x0 + 1)) +
                                q * ((20 - p) * c(y0 + 1, x0) + p * c(y0 + 1, x0 + 1));
          fine_coarse.coarse.dn.at(d, b, y, x) = static_cast<Dn>(std::llround(numerator / 400.0));
          if (d == 0 && b == 0) sum += fine_coarse.coarse.dn.at(d, b, y, x);
        }
      }
    }
  }
  EXPECT_EQ(sum, 2606160);
  ModelSettings settings = golden_settings(golden_options());
  settings.ratio = 1;
  auto const expected = predict(*make_model("starfm", settings), fine_coarse);
  auto const result = run_starfm(input, golden_options({{"starfm.coarse", "bilinear"}}));
  EXPECT_TRUE(std::ranges::equal(result.exact.all(), expected.exact.all()));
}

TEST(Starfm, gaps_in_the_only_pair_and_in_the_target_stay_gaps) {
  auto input =
      simple_scene([](int y, int) { return y == 5 ? int{no_data_dn} : 500; }, [](int, int) { return 400; },
                   [](int row, int) { return row == 3 ? int{no_data_dn} : 450; });
  auto const result = run_simple(input, {{"starfm.window", "5"}});
  for (int y = 0; y < 24; ++y) {
    bool const gap = y == 5 || y / 4 == 3;
    EXPECT_EQ(result.output.dn.at(0, 0, y, 7), gap ? no_data_dn : 550) << y;
    EXPECT_EQ((result.output.quality.at(0, 0, y, 7) & quality::no_data) != 0, gap) << y;
  }
  input.targets = {Date{2}};  // no coarse image at all
  auto const none = run_simple(input, {{"starfm.window", "5"}});
  EXPECT_TRUE(
      std::ranges::all_of(none.output.quality.all(), [](auto flags) { return flags == quality::no_data; }));
  input.targets = {Date{1}};
  input.fine.dates = {Date{500}};  // no pair
  auto const no_pair = run_simple(input, {{"starfm.window", "5"}});
  EXPECT_TRUE(std::ranges::all_of(no_pair.output.dn.all(), [](Dn value) { return value == no_data_dn; }));
}

TEST(Starfm, the_fallback_is_the_mean_increment_and_says_so) {
  // Both tests together fail everywhere: S is smallest in one pair, T in the other.
  FusionInput input = patchy_scene(12, 4, {10, 20}, {14}, 1, false);
  input.fine.dn.fill(1000);
  for (int i = 0; i < 9; ++i) {
    for (int band = 0; band < 2; ++band) {
      auto const at = static_cast<std::size_t>(i);
      input.coarse.dn.plane(0, band)[at] = 1000;  // S = 0, T = 900
      input.coarse.dn.plane(1, band)[at] = 1900;  // the target
      input.coarse.dn.plane(2, band)[at] = 1800;  // S = 800, T = 100
    }
  }
  auto const model = make_model("starfm", patchy_settings(4, patchy_options({{"starfm.filter", "and"}})));
  auto const result = predict(*model, input);
  EXPECT_EQ(result.output.dn.at(0, 0, 6, 6), (1900 + 1100) / 2);
  EXPECT_EQ(result.output.quality.at(0, 0, 6, 6), quality::fused | quality::low_confidence);
  EXPECT_EQ(result.output.uncertainty.at(0, 0, 6, 6), std::llround(std::sqrt(400.0 * 400 + 1200)));
}

TEST(Starfm, wrong_options_are_refused_with_the_key) {
  auto const message = [](Options const& options) -> std::string {
    try {
      make_model("starfm", golden_settings(options));
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "accepted";
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(message({{"starfm.window", "50"}}), HasSubstr("must be odd"));
  EXPECT_THAT(message({{"starfm.window", "203"}}), HasSubstr("starfm.window"));
  EXPECT_THAT(message({{"starfm.sigma_fine", "20 50"}}), HasSubstr("2 values for 3 bands"));
  EXPECT_THAT(message({{"starfm.sigma_coarse", "-1"}}), HasSubstr("starfm.sigma_coarse = -1"));
  EXPECT_THAT(message({{"starfm.similarity_bands", "green blue"}}), HasSubstr("names blue"));
  EXPECT_THAT(message({{"starfm.distance", "0"}}), HasSubstr("starfm.distance"));
  EXPECT_THAT(message({{"starfm.filter", "xor"}}), HasSubstr("or, and"));
  EXPECT_THAT(message({{"starfm.windows", "51"}}), HasSubstr("starfm.window?"));
  EXPECT_EQ(message({{"starfm.use_t", "off"}, {"starfm.sigma_fine", "auto 15 auto"}}), "accepted");
}

}  // namespace
}  // namespace stfcube
