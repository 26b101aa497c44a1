#include "stfcube/models/classical/increment.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using testing::golden_ratio;
using testing::golden_settings;
using testing::golden_size;
using ::testing::HasSubstr;
using testing::predict;

using Options = std::map<std::string, std::string>;

testing::GoldenResult run(FusionInput const& input, Options const& options) {
  IncrementModel model(golden_settings(options));
  return predict(model, input);
}

void expect_near(std::vector<double> const& values, std::array<double, 3> const& expected) {
  for (std::size_t band = 0; band < 3; ++band) EXPECT_NEAR(values[band], expected[band], 5e-5) << band;
}

TEST(Increment, nearest_has_the_golden_row) {
  auto const result = run(golden_input({0}), {{"increment.coarse", "nearest"}});
  EXPECT_EQ(result.sum(0), 2618853);
  EXPECT_EQ(result.sum(1), 2783580);
  EXPECT_EQ(result.sum(2), 7010679);
  expect_near(result.probe(0, 0), {400, 273, 212});
  expect_near(result.probe(30, 30), {375, 317, 605});
  expect_near(result.probe(38, 22), {303, -9, -380});
  expect_near(result.probe(59, 41), {686, 511, 2965});
}

TEST(Increment, bilinear_has_the_golden_row) {
  auto const result = run(golden_input({0}), {});
  EXPECT_EQ(result.sum(0), 2618975);
  EXPECT_EQ(result.sum(1), 2783595);
  EXPECT_EQ(result.sum(2), 7010727);
  expect_near(result.probe(0, 0), {400, 273, 212});
  expect_near(result.probe(30, 30), {338.7525, 236.7875, 331.7825});
  expect_near(result.probe(38, 22), {366.5125, 113.6125, 16.4875});
  expect_near(result.probe(59, 41), {679.7, 501.55, 2917.4});
}

/// The golden pair 0 with the coarse image of the target replaced by that of the pair plus `change`.
FusionInput with_coarse_change(Dn change) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band) {
    for (int i = 0; i < 36; ++i) {
      input.coarse.dn.plane(1, band)[static_cast<std::size_t>(i)] =
          static_cast<Dn>(input.coarse.dn.plane(0, band)[static_cast<std::size_t>(i)] + change);
    }
  }
  return input;
}

class IncrementKernels : public ::testing::TestWithParam<char const*> {};
INSTANTIATE_TEST_SUITE_P(Kernels, IncrementKernels, ::testing::Values("nearest", "bilinear"));

TEST_P(IncrementKernels, coarse_change_is_added_exactly) {
  for (Dn const change : {0, 123}) {
    auto const result = run(with_coarse_change(change), {{"increment.coarse", GetParam()}});
    for (int band = 0; band < 3; ++band) {
      for (int y = 0; y < golden_size; ++y) {
        for (int x = 0; x < golden_size; ++x) {
          ASSERT_EQ(result.exact.at(0, band, y, x), testing::golden_fine(0, band, y, x) + change);
        }
      }
    }
  }
}

TEST(Increment, nearest_keeps_the_means_of_coarse_cells) {
  FusionInput input = golden_input({0});
  auto const block_mean = [](auto const& value_at, int row, int column) {
    double sum = 0;
    for (int y = 0; y < golden_ratio; ++y) {
      for (int x = 0; x < golden_ratio; ++x)
        sum += value_at(row * golden_ratio + y, column * golden_ratio + x);
    }
    return sum / (golden_ratio * golden_ratio);
  };
  for (int row = 0; row < 6; ++row) {
    for (int column = 0; column < 6; ++column) {
      input.coarse.dn.at(0, 0, row, column) = static_cast<Dn>(std::lround(
          block_mean([](int y, int x) { return testing::golden_fine(0, 0, y, x); }, row, column)));
    }
  }
  auto const result = run(input, {{"increment.coarse", "nearest"}});
  for (int row = 0; row < 6; ++row) {
    for (int column = 0; column < 6; ++column) {
      double const mean =
          block_mean([&](int y, int x) { return result.output.dn.at(0, 0, y, x); }, row, column);
      EXPECT_NEAR(mean, input.coarse.dn.at(1, 0, row, column), 0.5) << row << ' ' << column;
    }
  }
}

class IncrementWeights : public ::testing::TestWithParam<char const*> {};
INSTANTIATE_TEST_SUITE_P(Weights, IncrementWeights, ::testing::Values("tempchange", "mean", "time"));

TEST_P(IncrementWeights, swapped_pairs_change_nothing) {
  FusionInput const input = golden_input({0, 2});
  FusionInput swapped = golden_input({0, 2});
  for (int band = 0; band < 3; ++band) {
    std::ranges::swap_ranges(swapped.fine.dn.plane(0, band), swapped.fine.dn.plane(1, band));
    std::ranges::swap_ranges(swapped.coarse.dn.plane(0, band), swapped.coarse.dn.plane(2, band));
  }
  auto const one = run(input, {{"increment.weights", GetParam()}});
  auto const other = run(swapped, {{"increment.weights", GetParam()}});
  EXPECT_TRUE(std::ranges::equal(one.exact.all(), other.exact.all()));
  EXPECT_TRUE(std::ranges::equal(one.output.dn.all(), other.output.dn.all()));
}

TEST_P(IncrementWeights, tiles_equal_the_whole_and_need_their_halo) {
  FusionInput const whole = golden_input({0, 2});
  IncrementModel model(golden_settings({{"increment.weights", GetParam()}}));
  auto const expected = predict(model, whole);
  Rect const core{13, 27, 21, 18};
  auto const tile = predict(model, testing::tile_of(whole, core, model.info().support));
  for (int band = 0; band < 3; ++band) {
    for (int y = 0; y < core.height; ++y) {
      for (int x = 0; x < core.width; ++x) {
        ASSERT_EQ(tile.exact.at(0, band, y, x), expected.exact.at(0, band, y + core.y, x + core.x));
        ASSERT_EQ(tile.output.uncertainty.at(0, band, y, x),
                  expected.output.uncertainty.at(0, band, y + core.y, x + core.x));
      }
    }
  }
  Support smaller = model.info().support;
  --smaller.halo_cells;
  EXPECT_THROW(predict(model, testing::tile_of(whole, core, smaller)), Error);
}

TEST(Increment, nearest_with_fixed_weights_needs_no_halo) {
  FusionInput const whole = golden_input({0, 2});
  IncrementModel model(golden_settings({{"increment.coarse", "nearest"}, {"increment.weights", "mean"}}));
  EXPECT_EQ(model.info().support.halo_cells, 0);
  auto const expected = predict(model, whole);
  auto const tile = predict(model, testing::tile_of(whole, {20, 30, 10, 10}, model.info().support));
  EXPECT_EQ(tile.exact.at(0, 2, 9, 9), expected.exact.at(0, 2, 39, 29));
}

/// One band, one coarse cell of 2 x 2 fine pixels: values of the dates before, at and after the target.
FusionInput tiny(std::vector<Dn> const& fine, std::vector<Dn> const& coarse, int days_before,
                 int days_after) {
  Date const target = *make_date(2020, 6, 1);
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, 2, 2};
  input.cells = {0, 0, 1, 1};
  input.ratio = 2;
  input.targets = {target};
  input.fine.dates = {target + -days_before, target + days_after};
  input.coarse.dates = {target + -days_before, target, target + days_after};
  input.fine.dn = Stack<Dn>(2, 1, 2, 2);
  input.coarse.dn = Stack<Dn>(3, 1, 1, 1);
  for (int i = 0; i < 2; ++i) std::ranges::fill(input.fine.dn.plane(i, 0), fine[static_cast<std::size_t>(i)]);
  for (int i = 0; i < 3; ++i) input.coarse.dn.at(i, 0, 0, 0) = coarse[static_cast<std::size_t>(i)];
  return input;
}

struct Outcome {
  double value;
  int uncertainty, quality;
  auto operator<=>(Outcome const&) const = default;
};
void PrintTo(Outcome const& o, std::ostream* out) {
  *out << o.value << " +- " << o.uncertainty << " flags " << o.quality;
}

Outcome run_tiny(FusionInput const& input, Options const& options = {}, int max_gap_days = 90) {
  ModelSettings settings;
  settings.bands = {"red"};  // 20 DN
  settings.ratio = 2;
  settings.max_pair_gap_days = max_gap_days;
  settings.options = options;
  IncrementModel model(settings);
  auto const result = predict(model, input);
  return {result.exact.at(0, 0, 1, 1), result.output.uncertainty.at(0, 0, 1, 1),
          result.output.quality.at(0, 0, 1, 1)};
}

// Predictions 1000 + (500 - 400) = 1100 and 1200 + (500 - 503) = 1197.
FusionInput two_sided() {
  return tiny({1000, 1200}, {400, 500, 503}, 10, 30);
}

TEST(Increment, mean_weights_are_equal) {
  // sigma^2 = (2 * (1/4 + 1/4) + 1) * 20^2 + 1/4 * 97^2 + (1/2 * (100 - 3) / 2)^2
  EXPECT_EQ(run_tiny(two_sided(), {{"increment.weights", "mean"}}), (Outcome{1148.5, 61, quality::fused}));
}

TEST(Increment, time_weights_are_inverse_distances) {
  EXPECT_EQ(run_tiny(two_sided(), {{"increment.weights", "time"}}).value, 0.75 * 1100 + 0.25 * 1197);
  auto same_day = two_sided();
  same_day.fine.dates[0] = same_day.targets[0];
  same_day.coarse.dates = {same_day.targets[0] + -1, same_day.targets[0], same_day.coarse.dates[2]};
  EXPECT_EQ(run_tiny(same_day, {{"increment.weights", "time"}}).value, 1000);
}

TEST(Increment, temporal_change_weights_prefer_the_smaller_change) {
  // Weights 1 / (100 + 1) and 1 / (3 + 1).
  EXPECT_DOUBLE_EQ(run_tiny(two_sided()).value, (4.0 * 1100 + 101.0 * 1197) / 105.0);
}

TEST(Increment, temporal_change_is_averaged_over_valid_cells_around) {
  FusionInput input = golden_input({0, 2});
  // Around the corner cell: change of the first pair (10 + 30) / 2 = 20 after two cells are lost, of the
  // second 0.
  Date const target = input.targets.front();
  input.targets = {target};
  for (int band = 0; band < 3; ++band) {
    for (int date = 0; date < 3; ++date) std::ranges::fill(input.coarse.dn.plane(date, band), Dn{500});
    input.coarse.dn.at(0, band, 0, 0) = 490;
    input.coarse.dn.at(0, band, 0, 1) = 470;
    input.coarse.dn.at(0, band, 1, 0) = no_data_dn;
    input.coarse.dn.at(0, band, 1, 1) = no_data_dn;
  }
  auto const result = run(input, {{"increment.coarse", "nearest"}});
  double const first = testing::golden_fine(0, 0, 0, 0) + 10;
  double const second = testing::golden_fine(2, 0, 0, 0);
  EXPECT_DOUBLE_EQ(result.exact.at(0, 0, 0, 0), (first / 21 + second) / (1.0 / 21 + 1));
}

TEST(Increment, one_pair_takes_the_nearest_in_time) {
  // sigma^2 = 3 * 20^2 + (1/2 * 100)^2
  EXPECT_EQ(run_tiny(two_sided(), {{"increment.pairs", "1"}}),
            (Outcome{1100, 61, quality::fused | quality::extrapolated}));
}

TEST(Increment, an_invalid_pair_leaves_the_other_alone) {
  auto input = two_sided();
  std::ranges::fill(input.fine.dn.plane(0, 0), no_data_dn);
  EXPECT_EQ(run_tiny(input), (Outcome{1197, 35, quality::fused | quality::extrapolated}));
  input = two_sided();
  input.coarse.dn.at(2, 0, 0, 0) = no_data_dn;
  EXPECT_EQ(run_tiny(input), (Outcome{1100, 61, quality::fused | quality::extrapolated}));
  EXPECT_EQ(run_tiny(two_sided(), {}, 20), (Outcome{1100, 61, quality::fused | quality::extrapolated}));
}

TEST(Increment, the_next_pair_replaces_an_invalid_one) {
  FusionInput input = golden_input({0, 1, 2});
  input.targets = {testing::golden_date(2) + 20};
  input.coarse.dates = {testing::golden_date(0), testing::golden_date(1), testing::golden_date(2) + 20};
  input.fine.dates = {testing::golden_date(0), testing::golden_date(1), testing::golden_date(1) + 3};
  for (int band = 0; band < 3; ++band) input.fine.dn.at(1, band, 5, 5) = no_data_dn;
  auto const result = run(input, {{"increment.coarse", "nearest"}});
  EXPECT_EQ(result.exact.at(0, 0, 5, 5), testing::golden_fine(0, 0, 5, 5) +
                                             testing::golden_coarse(2, 0, 0, 0) -
                                             testing::golden_coarse(0, 0, 0, 0));
  EXPECT_EQ(result.exact.at(0, 0, 5, 6), testing::golden_fine(1, 0, 5, 6) +
                                             testing::golden_coarse(2, 0, 0, 0) -
                                             testing::golden_coarse(1, 0, 0, 0));
}

TEST(Increment, without_a_coarse_image_falls_back_to_time) {
  auto input = two_sided();
  input.coarse.dn.at(1, 0, 0, 0) = no_data_dn;
  EXPECT_EQ(run_tiny(input).value, 0.75 * 1000 + 0.25 * 1200);
  EXPECT_EQ(run_tiny(input).quality, quality::gap_filled | quality::low_confidence);
  input.coarse.dates[1] = input.coarse.dates[1] + 1;
  EXPECT_EQ(run_tiny(input).quality, quality::gap_filled | quality::low_confidence);
  std::ranges::fill(input.fine.dn.all(), no_data_dn);
  EXPECT_EQ(run_tiny(input).quality, quality::no_data);
  EXPECT_TRUE(std::isnan(run_tiny(input).value));
}

TEST(Increment, masked_cells_are_dropped_and_flagged) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band) input.coarse.dn.at(1, band, 0, 1) = no_data_dn;
  auto const result = run(input, {});
  EXPECT_EQ(result.output.quality.at(0, 0, 2, 2) & quality::input_masked, 0);
  EXPECT_EQ(result.output.quality.at(0, 0, 2, 7) & quality::input_masked, quality::input_masked);
  // Pixel (7, 2): row clamped, cells 0 and 1 with weights 15 and 5 of 20; at the target date cell 1 is
  // missing.
  EXPECT_DOUBLE_EQ(
      result.exact.at(0, 0, 2, 7),
      testing::golden_fine(0, 0, 2, 7) + testing::golden_coarse(1, 0, 0, 0) -
          (15 * testing::golden_coarse(0, 0, 0, 0) + 5 * testing::golden_coarse(0, 0, 0, 1)) / 20.0);
}

TEST(Increment, values_outside_the_range_are_clamped_and_flagged) {
  Outcome const outcome = run_tiny(tiny({-1900, -1900}, {900, 500, 900}, 10, 10));
  EXPECT_EQ(outcome.value, -2300);
  EXPECT_EQ(outcome.quality, quality::fused | quality::clamped);
}

TEST(Increment, coarse_dates_of_pairs_may_be_off_by_the_tolerance) {
  auto input = two_sided();
  input.coarse.dates.front() = input.coarse.dates.front() + 1;
  input.coarse.dates.back() = input.coarse.dates.back() + -1;
  ModelSettings settings;
  settings.bands = {"red"};
  settings.ratio = 2;
  settings.options = {{"increment.weights", "mean"}};
  settings.pair_tolerance_days = 1;
  EXPECT_EQ(predict(*std::make_unique<IncrementModel>(settings), input).exact.at(0, 0, 0, 0), 1148.5);
  settings.pair_tolerance_days = 0;
  EXPECT_EQ(predict(*std::make_unique<IncrementModel>(settings), input).exact.at(0, 0, 0, 0),
            1050);  // linear in time
}

TEST(Increment, the_coarse_image_of_another_day_never_stands_in) {
  auto input = two_sided();
  input.targets.push_back(input.targets.front() + 1);
  ModelSettings settings;
  settings.bands = {"red"};
  settings.ratio = 2;
  settings.pair_tolerance_days = 1;
  IncrementModel model(settings);
  EXPECT_EQ(predict(model, input).output.quality.at(1, 0, 0, 0),
            quality::gap_filled | quality::low_confidence);
}

TEST(Increment, wrong_options_name_what_is_allowed) {
  auto const message = [](Options const& options, int ratio = 10) -> std::string {
    try {
      auto settings = golden_settings(options);
      settings.ratio = ratio;
      IncrementModel model(settings);
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({{"increment.coarse", "cubic"}}), HasSubstr("bilinear, nearest"));
  EXPECT_THAT(message({{"increment.weights", "equal"}}), HasSubstr("tempchange, mean, time"));
  EXPECT_THAT(message({{"increment.pairs", "3"}}), HasSubstr("from 1 to 2"));
  EXPECT_THAT(message({{"increment.weight", "mean"}}), HasSubstr("Did you mean increment.weights?"));
  EXPECT_THAT(message({}, 501), HasSubstr("grid.ratio = 501"));
}

TEST(Increment, boreas_accuracy_is_that_of_the_specs) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  IncrementModel model(testing::boreas_settings({{"increment.weights", "mean"}}));
  auto const result = predict(model, testing::boreas_input({0, 2}));
  auto const accuracy = testing::boreas_accuracy(result.output.dn);
  testing::BoreasAccuracy const expected = {{.0046, .0061, .0148}, {.0032, .0041, .0110}, {.887, .862, .946}};
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(accuracy.rmse[band], expected.rmse[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.mae[band], expected.mae[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.cc[band], expected.cc[band], 5e-4) << band;
  }
}

}  // namespace
}  // namespace stfcube
