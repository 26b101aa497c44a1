#include "stfcube/models/classical/coarse_up.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/tests/support/tile_equality.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using testing::golden_settings;
using testing::predict;

TEST(CoarseUp, is_the_cubic_convolution_of_the_golden_scene) {
  auto const result = predict(*make_model("coarse_up", golden_settings({})), golden_input({0}));
  EXPECT_NEAR(result.exact.at(0, 0, 30, 30), 699.1216, 5.001e-5);
  EXPECT_NEAR(result.exact.at(0, 1, 30, 30), 684.7987, 5.001e-5);
  EXPECT_NEAR(result.exact.at(0, 2, 30, 30), 1881.6619, 5.001e-5);
  EXPECT_EQ(result.output.quality.at(0, 0, 30, 30), quality::fused);
}

TEST(CoarseUp, needs_no_fine_image) {
  FusionInput input = golden_input({0});
  for (Dn& value : input.fine.dn.all()) value = no_data_dn;
  for (int band = 0; band < 3; ++band) std::ranges::fill(input.coarse.dn.plane(1, band), Dn{321});
  auto const result = predict(*make_model("coarse_up", golden_settings({})), input);
  EXPECT_EQ(result.output.dn.at(0, 0, 59, 0), 321);
  EXPECT_EQ(result.output.uncertainty.at(0, 0, 59, 0), 20);
  EXPECT_EQ(result.output.uncertainty.at(0, 2, 59, 0), 50);
}

TEST(CoarseUp, missing_cells_are_flagged_and_missing_images_leave_gaps) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band) {
    for (int row = 0; row < 3; ++row) {
      for (int column = 0; column < 3; ++column) input.coarse.dn.at(1, band, row, column) = no_data_dn;
    }
  }
  auto result = predict(*make_model("coarse_up", golden_settings({})), input);
  EXPECT_EQ(result.output.quality.at(0, 0, 12, 12), quality::no_data);
  EXPECT_EQ(result.output.dn.at(0, 0, 12, 12), no_data_dn);
  EXPECT_EQ(result.output.quality.at(0, 0, 35, 12), quality::fused | quality::input_masked);
  input.targets = {input.targets[0] + 1};
  result = predict(*make_model("coarse_up", golden_settings({})), input);
  EXPECT_EQ(result.output.quality.at(0, 0, 59, 59), quality::no_data);
}

TEST(CoarseUp, tiles_equal_the_whole_and_need_their_halo) {
  FusionInput const whole = golden_input({0});
  auto const model = make_model("coarse_up", golden_settings({}));
  Rect const core{20, 30, 10, 10};
  auto const tile = testing::tile_of(whole, core, model->info().support);
  EXPECT_TRUE(testing::tile_equals(predict(*model, whole), testing::fuse_prepared(*model, tile), core));
  EXPECT_ANY_THROW(testing::fuse_prepared(*model, testing::tile_of(whole, core, {.halo_cells = 1})));
}

}  // namespace
}  // namespace stfcube
