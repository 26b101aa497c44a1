#include "stfcube/models/classical/linear.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_date;
using testing::golden_input;
using testing::golden_settings;
using testing::predict;

/// A series of one pixel of one band: days since 2020-01-01 and values.
FusionInput one_pixel(std::vector<std::pair<int, Dn>> const& observations, int target_day) {
  Date const start = *make_date(2020, 1, 1);
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, 1, 1};
  input.cells = {0, 0, 1, 1};
  input.fine.dn = Stack<Dn>(static_cast<int>(observations.size()), 1, 1, 1);
  for (std::size_t i = 0; i < observations.size(); ++i) {
    input.fine.dates.push_back(start + observations[i].first);
    input.fine.dn.at(static_cast<int>(i), 0, 0, 0) = observations[i].second;
  }
  input.targets = {start + target_day};
  return input;
}

ModelSettings one_band(int max_gap_days = 90) {
  ModelSettings settings;
  settings.bands = {"red"};  // 20 DN
  settings.max_pair_gap_days = max_gap_days;
  return settings;
}

struct Outcome {
  int dn, uncertainty, quality;
  auto operator<=>(Outcome const&) const = default;
};
void PrintTo(Outcome const& o, std::ostream* out) {
  *out << o.dn << " +- " << o.uncertainty << " flags " << o.quality;
}

Outcome run(FusionInput const& input, int max_gap_days = 90) {
  LinearModel model(one_band(max_gap_days));
  auto const result = predict(model, input);
  return {result.output.dn.at(0, 0, 0, 0), result.output.uncertainty.at(0, 0, 0, 0),
          result.output.quality.at(0, 0, 0, 0)};
}

TEST(Linear, interpolates_between_neighbours_in_time) {
  // 3/4 of the way: 100 + 0.75 * 40; sigma^2 = (1/16 + 9/16) * 20^2 + (40 / 4)^2 = 350.
  EXPECT_EQ(run(one_pixel({{0, 100}, {16, 140}}, 12)), (Outcome{130, 19, quality::fused}));
}

TEST(Linear, exact_halves_round_away_from_zero) {
  EXPECT_EQ(run(one_pixel({{0, 100}, {6, 101}}, 3)).dn, 101);
  EXPECT_EQ(run(one_pixel({{0, -100}, {6, -101}}, 3)).dn, -101);
}

TEST(Linear, observation_of_the_target_date_is_returned) {
  EXPECT_EQ(run(one_pixel({{0, 100}, {8, 777}, {16, 140}}, 8)), (Outcome{777, 20, quality::fused}));
  EXPECT_EQ(run(one_pixel({{8, 777}}, 8)), (Outcome{777, 20, quality::fused}));
}

TEST(Linear, invalid_observations_are_passed_over) {
  EXPECT_EQ(run(one_pixel({{0, 100}, {4, no_data_dn}, {12, no_data_dn}, {16, 140}}, 8)).dn, 120);
}

TEST(Linear, one_side_alone_is_flagged) {
  Outcome const alone{100, 20, quality::fused | quality::low_confidence | quality::extrapolated};
  EXPECT_EQ(run(one_pixel({{0, 100}, {16, no_data_dn}}, 8)), alone);
  EXPECT_EQ(run(one_pixel({{0, no_data_dn}, {16, 100}}, 8)), alone);
}

TEST(Linear, observations_beyond_the_gap_are_not_used) {
  auto const input = one_pixel({{0, 100}, {30, 200}}, 10);
  EXPECT_EQ(run(input, 20).dn, 133);
  EXPECT_EQ(run(input, 19).dn, 100);
  EXPECT_EQ(run(input, 9), (Outcome{no_data_dn, no_data_dn, quality::no_data}));
}

TEST(Linear, nothing_valid_stays_no_data) {
  EXPECT_EQ(run(one_pixel({{0, no_data_dn}}, 0)), (Outcome{no_data_dn, no_data_dn, quality::no_data}));
  EXPECT_EQ(run(one_pixel({}, 0)), (Outcome{no_data_dn, no_data_dn, quality::no_data}));
}

TEST(Linear, values_outside_the_range_are_clamped_and_flagged) {
  EXPECT_EQ(run(one_pixel({{0, 20000}, {2, 20000}}, 1)),
            (Outcome{16000, 14, quality::fused | quality::clamped}));
}

TEST(Linear, golden_scene_is_the_mean_of_its_neighbours) {
  LinearModel model(golden_settings({}));
  auto const result = predict(model, golden_input({0, 2}));
  for (int band = 0; band < 3; ++band) {
    for (int y = 0; y < testing::golden_size; ++y) {
      for (int x = 0; x < testing::golden_size; ++x) {
        double const mean = (testing::golden_fine(0, band, y, x) + testing::golden_fine(2, band, y, x)) / 2.0;
        ASSERT_EQ(result.exact.at(0, band, y, x), mean);
        ASSERT_EQ(result.output.dn.at(0, band, y, x), std::llround(mean));
      }
    }
  }
}

TEST(Linear, tiles_equal_the_whole) {
  FusionInput const whole = golden_input({0, 2});
  LinearModel model(golden_settings({}));
  auto const expected = predict(model, whole);
  Rect const core{13, 7, 20, 30};
  auto const tile = predict(model, testing::tile_of(whole, core, model.info().support));
  for (int y = 0; y < core.height; ++y) {
    for (int x = 0; x < core.width; ++x) {
      ASSERT_EQ(tile.output.dn.at(0, 1, y, x), expected.output.dn.at(0, 1, y + core.y, x + core.x));
      ASSERT_EQ(tile.output.uncertainty.at(0, 1, y, x),
                expected.output.uncertainty.at(0, 1, y + core.y, x + core.x));
    }
  }
}

TEST(Linear, several_targets_are_independent) {
  auto input = one_pixel({{0, 100}, {10, 200}}, 0);
  Date const start = input.targets.front();
  input.targets = {start + 1, start + 5, start + 9};
  LinearModel model(one_band());
  auto const result = predict(model, input);
  EXPECT_EQ(result.output.dn.at(0, 0, 0, 0), 110);
  EXPECT_EQ(result.output.dn.at(1, 0, 0, 0), 150);
  EXPECT_EQ(result.output.dn.at(2, 0, 0, 0), 190);
}

TEST(Linear, boreas_accuracy_is_that_of_the_specs) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  LinearModel model(testing::boreas_settings({}));
  auto const result = predict(model, testing::boreas_input({0, 2}));
  auto const accuracy = testing::boreas_accuracy(result.output.dn);
  testing::BoreasAccuracy const expected = {{.0047, .0052, .0248}, {.0039, .0036, .0221}, {.917, .896, .971}};
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(accuracy.rmse[band], expected.rmse[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.mae[band], expected.mae[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.cc[band], expected.cc[band], 5e-4) << band;
  }
}

}  // namespace
}  // namespace stfcube
