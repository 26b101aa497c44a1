#include "stfcube/models/classical/gain.hpp"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/tile_equality.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_coarse;
using testing::golden_fine;
using testing::golden_input;
using testing::golden_settings;
using testing::predict;

/// The slope of fine on coarse over pixels of the golden scene, in floating point.
double golden_slope(std::vector<int> const& pairs, int band, Rect const& px) {
  long double n = 0, c = 0, f = 0, cc = 0, cf = 0;
  for (int const k : pairs) {
    for (int y = px.y; y < px.bottom(); ++y) {
      for (int x = px.x; x < px.right(); ++x) {
        long double const fine = golden_fine(k, band, y, x), coarse = golden_coarse(k, band, y / 10, x / 10);
        n += 1, c += coarse, f += fine, cc += coarse * coarse, cf += coarse * fine;
      }
    }
  }
  return static_cast<double>((n * cf - c * f) / (n * cc - c * c));
}

TEST(Gain, is_the_slope_over_all_pixels_of_all_pairs) {
  auto const model = make_model("gain", golden_settings({{"gain.coarse", "nearest"}}));
  auto const result = predict(*model, golden_input({0, 2}));
  for (int band = 0; band < 3; ++band) {
    double const gain = golden_slope({0, 2}, band, {0, 0, 60, 60});
    for (int const at : {0, 13, 47}) {
      double const change =
          golden_coarse(1, band, at / 10, at / 10) - golden_coarse(0, band, at / 10, at / 10);
      EXPECT_NEAR(result.exact.at(0, band, at, at), golden_fine(0, band, at, at) + gain * change, 1e-9);
      double const sensor = band == 2 ? 50 : 20;
      EXPECT_EQ(result.output.uncertainty.at(0, band, at, at),
                std::llround(
                    std::hypot(sensor * std::sqrt(1 + 2 * gain * gain), change_error_share * gain * change)));
    }
  }
  EXPECT_EQ(result.output.quality.at(0, 0, 5, 5), quality::fused | quality::extrapolated);
}

TEST(Gain, without_coarse_change_the_fine_image_stays) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band)
    std::ranges::copy(input.coarse.dn.plane(0, band), input.coarse.dn.plane(1, band).begin());
  auto const result = predict(*make_model("gain", golden_settings({})), input);
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) ASSERT_EQ(result.exact.at(0, 2, y, x), golden_fine(0, 2, y, x));
  }
}

TEST(Gain, constant_coarse_images_have_the_gain_one) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band) {
    std::ranges::fill(input.coarse.dn.plane(0, band), Dn{700});
    std::ranges::fill(input.coarse.dn.plane(1, band), Dn{750});
  }
  auto const result = predict(*make_model("gain", golden_settings({})), input);
  EXPECT_EQ(result.exact.at(0, 0, 7, 7), golden_fine(0, 0, 7, 7) + 50);
}

TEST(Gain, zones_have_their_own_slopes_and_no_seam) {
  ModelSettings settings = golden_settings({{"gain.coarse", "nearest"}});
  settings.zone_px = 20;
  FusionInput input = golden_input({0});
  // The same change everywhere shows the gain itself.
  for (int i = 0; i < 36; ++i) {
    auto const at = static_cast<std::size_t>(i);
    input.coarse.dn.plane(1, 2)[at] = static_cast<Dn>(input.coarse.dn.plane(0, 2)[at] + 1000);
  }
  auto const model = make_model("gain", settings);
  auto const result = predict(*model, input);
  auto const gain = [&](int x, int y) {
    return (result.exact.at(0, 2, y, x) - golden_fine(0, 2, y, x)) / 1000;
  };
  // The zone in the middle reaches over all but the outermost ten pixels; its centre lies between pixels.
  double const middle = golden_slope({0}, 2, {10, 10, 40, 40});
  EXPECT_NEAR((gain(29, 29) + gain(30, 29) + gain(29, 30) + gain(30, 30)) / 4, middle, 0.03);
  EXPECT_NEAR(gain(0, 0), golden_slope({0}, 2, {0, 0, 30, 30}), 1e-9);
  EXPECT_NE(gain(0, 0), gain(59, 59));
  double steepest = 0;
  for (int x = 1; x < 60; ++x) steepest = std::max(steepest, std::abs(gain(x, 25) - gain(x - 1, 25)));
  EXPECT_LT(steepest, 0.05);

  Rect const core{13, 27, 21, 18};
  auto const tile = testing::tile_of(input, core, model->info().support);
  EXPECT_TRUE(testing::tile_equals(result, testing::fuse_prepared(*model, tile), core));
}

TEST(Gain, a_zone_larger_than_the_scene_is_the_scene) {
  ModelSettings settings = golden_settings({});
  auto const scene = predict(*make_model("gain", settings), golden_input({0, 2}));
  settings.zone_px = 128;
  auto const zone = predict(*make_model("gain", settings), golden_input({0, 2}));
  EXPECT_TRUE(testing::tile_equals(scene, zone, {0, 0, 60, 60}));
}

TEST(Gain, gaps_stay_gaps_and_do_not_count) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band) {
    for (int y = 0; y < 60; ++y) {
      for (int x = 20; x < 60; ++x) input.fine.dn.at(0, band, y, x) = no_data_dn;
    }
  }
  auto const result = predict(*make_model("gain", golden_settings({{"gain.coarse", "nearest"}})), input);
  EXPECT_EQ(result.output.quality.at(0, 0, 5, 30), quality::no_data);
  EXPECT_EQ(result.output.dn.at(0, 0, 5, 30), no_data_dn);
  double const gain = golden_slope({0}, 0, {0, 0, 20, 60});
  EXPECT_NEAR(result.exact.at(0, 0, 5, 5),
              golden_fine(0, 0, 5, 5) + gain * (golden_coarse(1, 0, 0, 0) - golden_coarse(0, 0, 0, 0)), 1e-9);
}

TEST(Gain, boreas_accuracy_is_that_of_the_description) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const model = make_model("gain", testing::boreas_settings({}));
  auto const accuracy = testing::boreas_accuracy(predict(*model, testing::boreas_input({0, 2})).output.dn);
  constexpr std::array<double, 3> expected = {.0043, .0051, .0136};
  for (std::size_t band = 0; band < 3; ++band) EXPECT_NEAR(accuracy.rmse[band], expected[band], 5e-5) << band;
}

}  // namespace
}  // namespace stfcube
