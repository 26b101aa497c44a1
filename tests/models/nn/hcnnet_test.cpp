#include "stfcube/models/nn/networks/hcnnet.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

TEST(Hcnnet, has_as_many_parameters_as_described_for_any_bands) {
  EXPECT_EQ(testing::parameter_count(Hcnnet({.bands = 6})), 116'515);
  EXPECT_EQ(count_parameters("hcnnet", {.bands = 3}, {}), 116'515);
  EXPECT_EQ(count_parameters("hcnnet", {.bands = 6}, {{"hcnnet.width", "8"}}),
            testing::parameter_count(Hcnnet({.width = 8})));
}

TEST(Hcnnet, sees_two_pixels_more_with_each_band) {
  torch::manual_seed(1);
  for (int const bands : {1, 2, 6}) {
    Hcnnet network({.bands = bands, .width = 12});
    testing::draw_parameters(network, 0.005, 0.05);
    EXPECT_EQ(testing::measured_radius(network, 40), network.info().radius_px) << bands << " bands";
  }
  EXPECT_EQ(Hcnnet({.bands = 6}).info().radius_px, 17);
}

TEST(Hcnnet, gradients_are_those_of_differences) {
  torch::manual_seed(2);
  Hcnnet network({.bands = 2, .width = 4});
  testing::draw_parameters(network, -0.3, 0.3);
  EXPECT_LT(testing::gradient_error(network, 9, 8), 1e-4);
}

TEST(Hcnnet, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(6);
  Hcnnet network({.bands = 2, .width = 4});
  testing::draw_parameters(network, -0.3, 0.3);
  auto const scene = testing::random_input(network.info(), 50, 46);
  auto const by_blocks = testing::predict_by_blocks(network, scene, 20);
  EXPECT_LT(testing::relative_difference(by_blocks, network.predict(scene)), 1e-5);
}

TEST(Hcnnet, runs_on_odd_sizes) {
  Hcnnet network({.bands = 2, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Hcnnet, begins_at_the_reference) {
  torch::NoGradGuard const fixed;
  Hcnnet network({.bands = 3, .width = 8});
  auto const input = testing::random_input(network.info(), 20, 24, 2);
  EXPECT_TRUE(torch::equal(network.predict(input), input.fine_before));
}

TEST(Hcnnet, predicts_the_first_bands_without_the_later_ones) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(3);
  Hcnnet network({.bands = 3, .width = 8});
  auto const input = testing::random_input(network.info(), 20, 24, 2);
  testing::draw_parameters(network, -0.3, 0.3);
  auto const first = [](torch::Tensor const& image) { return image.narrow(1, 0, 2); };
  auto const two =
      network.forward(first(input.coarse_before), first(input.fine_before), first(input.coarse_target));
  EXPECT_LT(testing::relative_difference(two, first(network.predict(input))), 1e-6);
}

}  // namespace
}  // namespace stfcube::nn
