#include "stfcube/models/classical/robot.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/robot_block.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_date;
using testing::golden_input;
using testing::golden_settings;
using ::testing::HasSubstr;
using testing::predict;
using Options = std::map<std::string, std::string>;

testing::GoldenResult run(FusionInput const& input, Options options = {}) {
  auto settings = golden_settings(std::move(options));
  settings.bands.resize(static_cast<std::size_t>(input.coarse.dn.bands()));
  settings.ratio = input.ratio;
  return predict(*make_model("robot", settings), input);
}

/// Fits of the golden scene's blocks in row-major order, for the first target.
std::vector<RobotFit> golden_fits(FusionInput const& input, RobotSettings const& settings) {
  RobotTile const tile(input, settings, std::vector<double>(3, 20.0), 0, 90, {Harmonise::none, 3});
  RobotLayout const layout{input.scene_px, settings.block_px, settings.step_px};
  std::vector<RobotFit> fits;
  for (int row = 0; row < layout.count(input.scene_px.height); ++row) {
    for (int column = 0; column < layout.count(input.scene_px.width); ++column) {
      fits.push_back(fit_robot_block(tile, layout.block(row, column)).front());
    }
  }
  return fits;
}

double sum_of(RobotFit const& fit) {
  double sum = 0;
  for (double a : fit.alpha) sum += a;
  return sum;
}

TEST(Robot, has_the_golden_row) {
  auto const result = run(golden_input({0, 2}), {{"robot.coarse", "nearest"}});
  EXPECT_EQ(result.sum(0), 2596315);
  EXPECT_EQ(result.sum(1), 2768299);
  EXPECT_EQ(result.sum(2), 6994466);
  constexpr int places[4][2] = {{0, 0}, {30, 30}, {38, 22}, {59, 41}};
  constexpr double expected[4][3] = {{391.9317, 274.4251, 140.7675},
                                     {359.8025, 290.1152, 194.7024},
                                     {441.3300, 272.7939, 187.0263},
                                     {634.8392, 412.2040, 3285.8829}};
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t b = 0; b < 3; ++b) {
      EXPECT_NEAR(result.probe(places[p][0], places[p][1])[b], expected[p][b], 5.001e-5) << p << ' ' << b;
    }
  }
  for (quality::Flags const q : result.output.quality.all()) ASSERT_EQ(q, quality::fused);
}

TEST(Robot, has_the_golden_sums_of_coefficients) {
  auto const fits = golden_fits(golden_input({0, 2}), {.bicubic = false});
  constexpr std::array<double, 9> expected = {1.030058, 1.009800, 1.039246, 1.027096, 1.008262,
                                              1.031133, 1.032347, 1.035310, 1.044526};
  ASSERT_EQ(fits.size(), expected.size());
  for (std::size_t i = 0; i < fits.size(); ++i) {
    EXPECT_NEAR(sum_of(fits[i]), expected[i], 5.001e-7) << i;
    EXPECT_EQ(fits[i].residual, i != 1 && i != 4);
  }
}

TEST(Robot, boreas_accuracy_is_that_of_the_specs) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const input = testing::boreas_input({0, 2});
  auto const rmse = [&](Options const& options) {
    auto const model = make_model("robot", testing::boreas_settings(options));
    return testing::boreas_accuracy(predict(*model, input).output.dn);
  };
  auto const accuracy = rmse({});
  testing::BoreasAccuracy const expected = {{.0050, .0069, .0132}, {.0035, .0046, .0097}, {.882, .850, .954}};
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(accuracy.rmse[band], expected.rmse[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.mae[band], expected.mae[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.cc[band], expected.cc[band], 5e-4) << band;
  }
  EXPECT_NEAR(rmse({{"robot.reference", "time"}}).rmse[1], .0066, 5e-5);
}

// ---- analytic tests of the specification

/// The golden pairs; the coarse target is the mixture of the coarse images of the pairs, `late` quarters of
/// it the later one.
FusionInput mixture(int late) {
  FusionInput input = golden_input({0, 2});
  for (int b = 0; b < 3; ++b) {
    for (std::size_t i = 0; i < 36; ++i) {
      Dn& first = input.coarse.dn.plane(0, b)[i];
      Dn& last = input.coarse.dn.plane(2, b)[i];
      first = static_cast<Dn>(first / 4 * 4);
      last = static_cast<Dn>(last / 4 * 4);
      input.coarse.dn.plane(1, b)[i] = static_cast<Dn>(((4 - late) * first + late * last) / 4);
    }
  }
  return input;
}

class RobotKernels : public ::testing::TestWithParam<char const*> {};
INSTANTIATE_TEST_SUITE_P(Kernels, RobotKernels, ::testing::Values("nearest", "bicubic"));

TEST_P(RobotKernels, a_mixture_is_found_exactly_without_a_ridge) {
  auto const expect_mixture = [](FusionInput const& input, Options options, double late) {
    options["robot.eta"] = "0";
    auto const result = run(input, options);
    for (int b = 0; b < 3; ++b) {
      for (int y = 0; y < 60; ++y) {
        for (int x = 0; x < 60; ++x) {
          double const expected =
              (1 - late) * input.fine.dn.at(0, b, y, x) + late * input.fine.dn.at(1, b, y, x);
          ASSERT_NEAR(result.exact.at(0, b, y, x), expected, 1e-5) << y << ' ' << x;
        }
      }
    }
  };
  expect_mixture(mixture(2), {{"robot.coarse", GetParam()}}, 0.5);
  FusionInput in_time = mixture(1);
  in_time.fine.dates = {golden_date(1) + -10, golden_date(1) + 30};
  in_time.coarse.dates = {golden_date(1) + -10, golden_date(1), golden_date(1) + 30};
  expect_mixture(in_time, {{"robot.coarse", GetParam()}, {"robot.reference", "time"}}, 0.25);
}

TEST(Robot, one_pair_has_a_coefficient_known_by_hand) {
  FusionInput input = golden_input({0});
  for (int b = 0; b < 3; ++b) {
    for (std::size_t i = 0; i < 36; ++i) {
      input.coarse.dn.plane(1, b)[i] = static_cast<Dn>(input.coarse.dn.plane(0, b)[i] + 100);
    }
  }
  RobotSettings settings{.beta = 1.5, .bicubic = false};
  auto const fit = golden_fits(input, settings).front();
  double fine_low = 1e9, fine_high = -1e9, coarse_low = 1e9, coarse_high = -1e9;
  auto const each = [&](auto const& body) {
    for (int b = 0; b < 3; ++b) {
      for (int y = 0; y < 30; ++y) {
        for (int x = 0; x < 30; ++x) {
          body(static_cast<double>(input.fine.dn.at(0, b, y, x)),
               static_cast<double>(input.coarse.dn.at(0, b, y / 10, x / 10)));
        }
      }
    }
  };
  each([&](double f, double c) {
    fine_low = std::min(fine_low, f), fine_high = std::max(fine_high, f);
    coarse_low = std::min(coarse_low, c), coarse_high = std::max(coarse_high, c);
  });
  double up = 0, down = 1e-6 * 2700 * 2700;
  each([&](double f, double c) {
    double const u = (f - fine_low) / (fine_high - fine_low + 1e-6);
    double const v = (c - coarse_low) / (coarse_high - coarse_low + 1e-6);
    double const p = (c + 100 - coarse_low) / (coarse_high - coarse_low + 1e-6);
    up += v * p + 1.5 * 1.5 * u * u;
    down += v * v + 1.5 * 1.5 * u * u;
  });
  ASSERT_EQ(fit.alpha.size(), 1U);
  EXPECT_NEAR(fit.alpha[0], up / down, 1e-12);
  EXPECT_EQ(fit.after, -1);
  EXPECT_EQ(run(input).output.quality.at(0, 0, 5, 5), quality::fused | quality::extrapolated);
}

TEST(Robot, the_sum_of_coefficients_ends_at_lambda) {
  FusionInput input = golden_input({0});
  for (int b = 0; b < 3; ++b) {
    for (std::size_t i = 0; i < 36; ++i) {
      input.coarse.dn.plane(1, b)[i] = static_cast<Dn>(3 * input.coarse.dn.plane(0, b)[i]);
    }
  }
  EXPECT_NEAR(sum_of(golden_fits(input, {.beta = 0, .radius = 2})[4]), 2, 1e-9);
  EXPECT_GT(sum_of(golden_fits(input, {.beta = 0, .radius = 10})[4]), 2.5);
  for (RobotFit const& fit : golden_fits(golden_input({0, 2}), {.radius = 0.5}))
    EXPECT_NEAR(sum_of(fit), 0.5, 1e-12);
}

TEST(Robot, doubled_values_have_the_same_coefficients) {
  FusionInput doubled = golden_input({0, 2});
  for (auto* images : {&doubled.fine.dn, &doubled.coarse.dn}) {
    for (Dn& v : images->all()) v = static_cast<Dn>(2 * v);
  }
  auto const one = golden_fits(golden_input({0, 2}), {}), two = golden_fits(doubled, {});
  for (std::size_t i = 0; i < one.size(); ++i) {
    for (std::size_t k = 0; k < 2; ++k) EXPECT_NEAR(one[i].alpha[k], two[i].alpha[k], 1e-8);
  }
}

TEST(Robot, exchanged_pairs_exchange_the_coefficients) {
  FusionInput swapped = golden_input({0, 2});
  for (int b = 0; b < 3; ++b) {
    std::ranges::swap_ranges(swapped.fine.dn.plane(0, b), swapped.fine.dn.plane(1, b));
    std::ranges::swap_ranges(swapped.coarse.dn.plane(0, b), swapped.coarse.dn.plane(2, b));
  }
  auto const one = golden_fits(golden_input({0, 2}), {}), other = golden_fits(swapped, {});
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_NEAR(one[i].alpha[0], other[i].alpha[1], 1e-10);
    EXPECT_NEAR(one[i].alpha[1], other[i].alpha[0], 1e-10);
  }
}

// ---- missing data

TEST(Robot, members_with_many_gaps_are_left_out_of_a_block) {
  FusionInput input = golden_input({0, 2});
  auto const hide = [&](int date, Rect const& px) {
    for (int b = 0; b < 3; ++b) {
      for (int y = px.y; y < px.bottom(); ++y)
        std::fill_n(input.fine.dn.row(date, b, y) + px.x, px.width, no_data_dn);
    }
  };
  hide(0, {0, 0, 9, 10});  // 90 of 900
  EXPECT_EQ(golden_fits(input, {})[0].members, (std::vector<int>{0, 1}));
  hide(0, {9, 0, 1, 1});
  auto const fits = golden_fits(input, {});
  EXPECT_EQ(fits[0].members, (std::vector<int>{1}));
  EXPECT_EQ(fits[1].members, (std::vector<int>{0, 1}));
  EXPECT_EQ(run(input).output.quality.at(0, 0, 15, 15), quality::fused | quality::extrapolated);
}

TEST(Robot, a_gap_of_a_member_takes_the_reference_moved_by_the_coarse_difference) {
  FusionInput input = golden_input({0, 2});
  for (int b = 0; b < 3; ++b) input.fine.dn.at(0, b, 5, 5) = no_data_dn;
  auto const fit = golden_fits(input, {.bicubic = false}).front();
  ASSERT_TRUE(fit.residual);
  auto const result = run(input, {{"robot.coarse", "nearest"}});
  for (int b = 0; b < 3; ++b) {
    auto const coarse = [&](int d) { return static_cast<double>(input.coarse.dn.at(d, b, 0, 0)); };
    double const later = input.fine.dn.at(1, b, 5, 5), filled = later + coarse(0) - coarse(2);
    double const expected = fit.alpha[0] * filled + fit.alpha[1] * later + coarse(1) -
                            fit.alpha[0] * coarse(0) - fit.alpha[1] * coarse(2);
    EXPECT_NEAR(result.exact.at(0, b, 5, 5), expected, 1e-9);
  }
  EXPECT_EQ(result.output.quality.at(0, 0, 5, 5), quality::fused | quality::input_masked);
  EXPECT_EQ(result.output.quality.at(0, 0, 5, 6), quality::fused);
}

TEST(Robot, without_a_combination_the_nearest_pair_and_the_coarse_change_remain) {
  FusionInput input = golden_input({0, 2});
  input.targets = {golden_date(0) + 10};
  input.coarse.dates[1] = input.targets[0];
  for (int d = 0; d < 2; ++d) {
    for (int b = 0; b < 3; ++b) std::ranges::fill(input.fine.dn.plane(d, b), no_data_dn);
  }
  for (int b = 0; b < 3; ++b) {
    input.fine.dn.at(0, b, 7, 7) = 800;
    input.fine.dn.at(1, b, 7, 8) = 900;
  }
  auto const result = run(input, {{"robot.coarse", "nearest"}});
  int const flags = quality::fused | quality::low_confidence | quality::extrapolated;
  auto const coarse = [&](int d) { return input.coarse.dn.at(d, 2, 0, 0); };
  EXPECT_EQ(result.exact.at(0, 2, 7, 7), 800 + coarse(1) - coarse(0));
  EXPECT_EQ(result.exact.at(0, 2, 7, 8), 900 + coarse(1) - coarse(2));
  EXPECT_EQ(result.output.quality.at(0, 0, 7, 7), flags);
  EXPECT_EQ(result.output.quality.at(0, 0, 7, 9), quality::no_data);
  EXPECT_EQ(result.output.dn.at(0, 0, 7, 9), no_data_dn);
}

TEST(Robot, constant_images_give_the_coarse_image) {
  FusionInput input = golden_input({0, 2});
  for (Dn& v : input.fine.dn.all()) v = 500;
  for (int d = 0; d < 3; ++d) {
    for (int b = 0; b < 3; ++b)
      std::ranges::fill(input.coarse.dn.plane(d, b), static_cast<Dn>(d == 1 ? 530 : 480));
  }
  auto const result = run(input);
  for (double const v : result.exact.all()) ASSERT_NEAR(v, 530, 1e-6);
}

TEST(Robot, blocks_are_clamped_before_they_are_averaged) {
  auto settings = golden_settings({{"robot.coarse", "nearest"}});
  settings.quantity.lowest = 300;
  settings.quantity.highest = 3000;
  auto const free = run(golden_input({0, 2}), {{"robot.coarse", "nearest"}});
  auto const result = predict(*make_model("robot", settings), golden_input({0, 2}));
  int clamped = 0;
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) {
      for (int b = 0; b < 3; ++b) {
        double const value = free.exact.at(0, b, y, x), kept = result.exact.at(0, b, y, x);
        ASSERT_TRUE(kept >= 300 && kept <= 3000);
        if (std::clamp(value, 300.0, 3000.0) == kept) continue;
        ++clamped;  // one block was clamped, the other not
        ASSERT_NE(result.output.quality.at(0, 0, y, x) & quality::clamped, 0);
      }
    }
  }
  EXPECT_GT(clamped, 0);
}

TEST(Robot, options_decide_on_members_and_residual) {
  EXPECT_EQ(golden_fits(golden_input({0, 2}), {.always_residual = true})[1].residual, true);
  EXPECT_EQ(golden_fits(golden_input({0, 2}), {.consistency = 0.5})[1].members.size(), 2U);
  EXPECT_EQ(golden_fits(golden_input({0, 2}), {.consistency = 0.01})[1].members.size(), 0U);
  EXPECT_EQ(golden_fits(golden_input({0, 2}), {.most_members = 1})[1].members, (std::vector<int>{0}));
}

TEST(Robot, quantiles_keep_outliers_from_setting_the_range) {
  auto const spread_of = [](bool quantiles) {
    FusionInput input = golden_input({0, 2});
    auto const clean = golden_fits(input, {.bicubic = false, .quantiles = quantiles}).front();
    input.fine.dn.at(0, 0, 3, 3) = 15000;
    auto const spoilt = golden_fits(input, {.bicubic = false, .quantiles = quantiles}).front();
    return std::abs(clean.alpha[0] - spoilt.alpha[0]);
  };
  EXPECT_LT(spread_of(true), spread_of(false));
}

TEST(Robot, wrong_options_name_what_is_allowed) {
  auto const message = [](Options const& options) -> std::string {
    try {
      make_model("robot", golden_settings(options));
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({{"robot.step", "31"}}), HasSubstr("robot.step = 31 is larger than robot.block = 30"));
  EXPECT_THAT(message({{"robot.coarse", "cubic"}}), HasSubstr("bicubic, nearest"));
  EXPECT_THAT(message({{"robot.residuals", "always"}}), HasSubstr("Did you mean robot.residual?"));
}

}  // namespace
}  // namespace stfcube
