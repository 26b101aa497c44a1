#include "stfcube/models/classical/ratio.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/tests/support/tile_equality.hpp"

namespace stfcube {
namespace {

using testing::golden_fine;
using testing::golden_input;
using testing::golden_settings;
using testing::predict;

/// The golden pair 0 with constant coarse images.
FusionInput with_coarse(Dn before, Dn after) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band) {
    std::ranges::fill(input.coarse.dn.plane(0, band), before);
    std::ranges::fill(input.coarse.dn.plane(1, band), after);
  }
  return input;
}

double ratio_of(Dn before, Dn after, quality::Flags& flags) {
  auto const result = predict(*make_model("ratio", golden_settings({})), with_coarse(before, after));
  flags = result.output.quality.at(0, 0, 30, 30);
  return result.exact.at(0, 1, 30, 30) / golden_fine(0, 1, 30, 30);
}

TEST(Ratio, is_that_of_the_coarse_images_within_limits) {
  quality::Flags flags = 0;
  EXPECT_DOUBLE_EQ(ratio_of(350, 450, flags), 500.0 / 400);
  EXPECT_EQ(flags, quality::fused | quality::extrapolated);
  EXPECT_DOUBLE_EQ(ratio_of(350, 350, flags), 1);
  EXPECT_DOUBLE_EQ(ratio_of(100, 900, flags), 2);
  EXPECT_EQ(flags, quality::fused | quality::extrapolated | quality::low_confidence);
  EXPECT_DOUBLE_EQ(ratio_of(900, 100, flags), 0.5);
}

TEST(Ratio, dark_denominators_have_a_defined_result) {
  quality::Flags flags = 0;
  EXPECT_DOUBLE_EQ(ratio_of(-50, 100, flags), 2);
  EXPECT_DOUBLE_EQ(ratio_of(-50, -100, flags), 0.5);
  EXPECT_DOUBLE_EQ(ratio_of(-50, -50, flags), 1);
}

TEST(Ratio, uncertainty_has_noise_and_a_share_of_the_change) {
  auto const result = predict(*make_model("ratio", golden_settings({})), with_coarse(350, 450));
  double const change = 0.25 * golden_fine(0, 1, 30, 30);
  EXPECT_EQ(result.output.uncertainty.at(0, 1, 30, 30),
            std::llround(std::hypot(1.25 * std::sqrt(3.0) * 20, change_error_share * change)));
}

TEST(Ratio, gaps_stay_gaps) {
  FusionInput input = with_coarse(350, 450);
  for (int band = 0; band < 3; ++band) {
    input.fine.dn.at(0, band, 40, 41) = no_data_dn;
    input.coarse.dn.at(1, band, 0, 0) = no_data_dn;
  }
  auto const result = predict(*make_model("ratio", golden_settings({{"ratio.coarse", "nearest"}})), input);
  EXPECT_EQ(result.output.quality.at(0, 0, 40, 41), quality::no_data);
  EXPECT_EQ(result.output.quality.at(0, 0, 9, 9), quality::no_data);
  EXPECT_EQ(result.output.dn.at(0, 0, 9, 9), no_data_dn);
  EXPECT_EQ(result.output.quality.at(0, 0, 9, 10), quality::fused | quality::extrapolated);
}

TEST(Ratio, tiles_equal_the_whole_and_need_their_halo) {
  FusionInput const whole = golden_input({0, 2});
  Rect const core{13, 27, 21, 18};
  auto const model = make_model("ratio", golden_settings({}));
  auto const tile = testing::tile_of(whole, core, model->info().support);
  EXPECT_TRUE(testing::tile_equals(predict(*model, whole), testing::fuse_prepared(*model, tile), core));
  EXPECT_ANY_THROW(testing::fuse_prepared(*model, testing::tile_of(whole, core, {})));
}

}  // namespace
}  // namespace stfcube
