#include "stfcube/models/pair_residuals.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {
namespace {

/// Two pairs: the coarse images do not change; the fine change is normal noise.
FusionInput pairs_with_noise(double sigma_dn) {
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, 200, 200};
  input.cells = {0, 0, 20, 20};
  input.ratio = 10;
  input.fine.dates = input.coarse.dates = {Date{0}, Date{16}};
  input.fine.dn = Stack<Dn>(2, 1, 200, 200);
  input.coarse.dn = Stack<Dn>(2, 1, 20, 20);
  input.fine.dn.fill(1000);
  input.coarse.dn.fill(1000);
  std::mt19937 random(1);
  std::normal_distribution<double> noise(1000, sigma_dn);
  for (Dn& value : input.fine.dn.plane(1, 0)) value = static_cast<Dn>(std::lround(noise(random)));
  return input;
}

double scale_of(FusionInput const& input) {
  PairResiduals residuals({"red"});
  Statistics statistics;
  residuals.observe(input, statistics);
  residuals.prepare(statistics);
  EXPECT_FALSE(residuals.wants_statistics());
  return residuals.scales().front();
}

TEST(PairResiduals, scale_carries_the_formula_over_to_the_residuals) {
  double const told = prediction_sigma(std::sqrt(3.0) * observation_uncertainty_dn("red"), 0, 0);
  EXPECT_NEAR(scale_of(pairs_with_noise(100)), 100 / told, 0.05);
  EXPECT_NEAR(scale_of(pairs_with_noise(300)), 300 / told, 0.15);
}

TEST(PairResiduals, change_that_the_coarse_images_see_is_no_residual) {
  FusionInput input = pairs_with_noise(1e-9);
  for (Dn& value : input.fine.dn.plane(1, 0)) value = 1700;
  double const unseen = scale_of(input);
  for (Dn& value : input.coarse.dn.plane(1, 0)) value = 1700;
  EXPECT_EQ(scale_of(input), 0.5);  // never below one half
  EXPECT_GT(unseen, 10);
}

TEST(PairResiduals, pixels_without_data_do_not_count) {
  FusionInput input = pairs_with_noise(100);
  double const whole = scale_of(input);
  for (int x = 0; x < 200; ++x) input.fine.dn.at(0, 0, 7, x) = no_data_dn;
  for (int x = 0; x < 20; ++x) input.coarse.dn.at(1, 0, 3, x) = no_data_dn;
  EXPECT_NEAR(scale_of(input), whole, 0.1);
  input.coarse.dn.fill(no_data_dn);
  EXPECT_EQ(scale_of(input), usual_uncertainty_scale);
}

TEST(PairResiduals, one_pair_gives_the_usual_scale) {
  PairResiduals residuals({"red", "nir"});
  residuals.prepare({});
  EXPECT_EQ(residuals.scales(), std::vector<double>(2, usual_uncertainty_scale));
}

TEST(PairResiduals,
     small_scenes_are_looked_at_as_a_whole_and_large_ones_by_a_sample_without_regard_to_tiles) {
  PairResiduals const residuals({"red"});
  Rect const small{0, 0, 2000, 2000}, large{0, 0, 60000, 60000};
  EXPECT_EQ(residuals.parts(small, 16, {0, 0, 512, 512}), (std::vector<Rect>{{0, 0, 512, 512}}));
  auto const area = [&](std::vector<Rect> const& tiles) {
    std::int64_t sum = 0;
    for (Rect const& tile : tiles) {
      for (Rect const& part : residuals.parts(large, 30, tile)) {
        EXPECT_TRUE(tile.contains(part));
        EXPECT_FALSE(part.empty());
        EXPECT_EQ(part.x % 30 + part.y % 30, 0);
        sum += part.area();
      }
    }
    return sum;
  };
  auto const whole = area({{0, 0, 15360, 15360}});
  EXPECT_GT(whole, 0);
  EXPECT_LT(whole, 15360LL * 15360 / 200);
  EXPECT_EQ(area({{0, 0, 4500, 15360}, {4500, 0, 10860, 9000}, {4500, 9000, 10860, 6360}}), whole);
}

}  // namespace
}  // namespace stfcube
