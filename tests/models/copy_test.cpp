#include "stfcube/models/classical/copy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/tile_equality.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_coarse;
using testing::golden_date;
using testing::golden_fine;
using testing::golden_input;
using testing::golden_settings;
using testing::predict;

testing::GoldenResult run(FusionInput const& input, bool best) {
  return predict(*make_model("copy", golden_settings({{"copy.best", best ? "true" : "false"}})), input);
}

TEST(Copy, the_nearest_observation_in_time_stands_and_of_two_the_earlier) {
  FusionInput input = golden_input({0, 2});
  auto result = run(input, false);
  EXPECT_EQ(result.output.dn.at(0, 2, 17, 40), golden_fine(0, 2, 17, 40));
  EXPECT_EQ(result.output.quality.at(0, 0, 17, 40), quality::fused);
  input.fine.dates[1] = golden_date(2) + -1;
  result = run(input, false);
  EXPECT_EQ(result.output.dn.at(0, 2, 17, 40), golden_fine(2, 2, 17, 40));
  // Half the difference of the two, nearly: 30 of 61 days.
  double const change = 30.0 / 61 * (golden_fine(2, 2, 17, 40) - golden_fine(0, 2, 17, 40));
  EXPECT_EQ(result.output.uncertainty.at(0, 2, 17, 40), std::llround(std::hypot(50, change)));
}

TEST(Copy, a_gap_is_filled_from_the_other_side_and_flagged) {
  FusionInput input = golden_input({0, 2});
  for (int band = 0; band < 3; ++band) input.fine.dn.at(0, band, 3, 4) = no_data_dn;
  for (int band = 0; band < 3; ++band) input.fine.dn.at(0, band, 5, 5) = no_data_dn;
  for (int band = 0; band < 3; ++band) input.fine.dn.at(1, band, 5, 5) = no_data_dn;
  auto const result = run(input, false);
  EXPECT_EQ(result.output.dn.at(0, 1, 3, 4), golden_fine(2, 1, 3, 4));
  EXPECT_EQ(result.output.quality.at(0, 0, 3, 4),
            quality::fused | quality::extrapolated | quality::low_confidence);
  EXPECT_EQ(result.output.uncertainty.at(0, 1, 3, 4), 20);
  EXPECT_EQ(result.output.quality.at(0, 0, 5, 5), quality::no_data);
}

TEST(Copy, best_takes_the_pair_with_the_smaller_coarse_change_at_the_pixel) {
  FusionInput input = golden_input({0, 2});
  for (Dn& value : input.coarse.dn.all()) value = 500;
  for (int band = 0; band < 3; ++band) {
    for (int row = 0; row < 6; ++row) {
      for (int column = 0; column < 6; ++column) {
        input.coarse.dn.at(0, band, row, column) = static_cast<Dn>(500 + (column < 3 ? 10 : 40));
        input.coarse.dn.at(2, band, row, column) = 480;
      }
    }
  }
  auto const result = run(input, true);
  EXPECT_EQ(result.output.dn.at(0, 0, 9, 4), golden_fine(0, 0, 9, 4));
  EXPECT_EQ(result.output.dn.at(0, 0, 9, 55), golden_fine(2, 0, 9, 55));
  EXPECT_EQ(result.output.quality.at(0, 0, 9, 55), quality::fused);
  EXPECT_EQ(result.output.uncertainty.at(0, 0, 9, 4), std::llround(std::hypot(20, 10)));
  // Between cell centres the change of the first pair is a mean: 20 is reached a third of the way.
  EXPECT_EQ(result.output.dn.at(0, 0, 9, 27), golden_fine(0, 0, 9, 27));
  EXPECT_EQ(result.output.dn.at(0, 0, 9, 28), golden_fine(2, 0, 9, 28));
}

TEST(Copy, best_falls_back_to_time_where_the_target_has_no_coarse_value) {
  FusionInput input = golden_input({0, 2});
  for (int date = 0; date < 3; ++date) {
    for (int band = 0; band < 3; ++band) std::ranges::fill(input.coarse.dn.plane(date, band), Dn{500});
  }
  for (int band = 0; band < 3; ++band) {
    std::ranges::fill(input.coarse.dn.plane(0, band), Dn{900});
    for (int row = 0; row < 2; ++row) {
      for (int column = 0; column < 2; ++column) input.coarse.dn.at(1, band, row, column) = no_data_dn;
    }
  }
  auto const result = run(input, true);
  EXPECT_EQ(result.output.dn.at(0, 0, 2, 2), golden_fine(0, 0, 2, 2));
  EXPECT_EQ(result.output.dn.at(0, 0, 50, 50), golden_fine(2, 0, 50, 50));
  EXPECT_EQ(result.output.quality.at(0, 0, 16, 50), quality::fused);
  EXPECT_EQ(result.output.quality.at(0, 0, 2, 17), quality::fused | quality::input_masked);
}

TEST(Copy, tiles_equal_the_whole_and_need_their_halo) {
  FusionInput const whole = golden_input({0, 2});
  Rect const core{13, 27, 21, 18};
  for (char const* best : {"false", "true"}) {
    auto const model = make_model("copy", golden_settings({{"copy.best", best}}));
    auto const expected = predict(*model, whole);
    auto const tile = testing::tile_of(whole, core, model->info().support);
    EXPECT_TRUE(testing::tile_equals(expected, testing::fuse_prepared(*model, tile), core));
  }
  auto const model = make_model("copy", golden_settings({{"copy.best", "true"}}));
  EXPECT_ANY_THROW(testing::fuse_prepared(*model, testing::tile_of(whole, core, {})));
}

TEST(Copy, boreas_accuracy_is_that_of_the_specs) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const model = make_model("copy", testing::boreas_settings({}));
  auto const result = predict(*model, testing::boreas_input({0, 2}));
  testing::BoreasAccuracy const expected = {{.0075, .0063, .0168}, {.0066, .0050, .0148}, {.910, .920, .976}};
  auto const accuracy = testing::boreas_accuracy(result.output.dn);
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(accuracy.rmse[band], expected.rmse[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.mae[band], expected.mae[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.cc[band], expected.cc[band], 5e-4) << band;
  }
}

}  // namespace
}  // namespace stfcube
