#include "stfcube/models/nn/networks/dmnet.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

TEST(Dmnet, has_as_many_parameters_as_described) {
  EXPECT_EQ(testing::parameter_count(Dmnet({.bands = 6})), 357'894);
  EXPECT_EQ(count_parameters("dmnet", {.bands = 6}, {{"dmnet.width", "4"}}),
            testing::parameter_count(Dmnet({.width = 4})));
}

TEST(Dmnet, sees_eleven_pixels_around) {
  torch::manual_seed(1);
  Dmnet network({.bands = 2, .width = 8});
  EXPECT_EQ(testing::measured_radius(network, 40), network.info().radius_px);
}

TEST(Dmnet, gradients_are_those_of_differences) {
  torch::manual_seed(2);
  Dmnet network({.bands = 2, .width = 3});
  EXPECT_LT(testing::gradient_error(network, 9, 8), 1e-4);
}

TEST(Dmnet, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(6);
  Dmnet network({.bands = 2, .width = 4});
  auto const scene = testing::random_input(network.info(), 50, 46);
  auto const by_blocks = testing::predict_by_blocks(network, scene, 20);
  EXPECT_LT(testing::relative_difference(by_blocks, network.predict(scene)), 1e-5);
}

TEST(Dmnet, runs_on_odd_sizes) {
  Dmnet network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Dmnet, reads_the_change_of_the_coarse_image_alone) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(3);
  Dmnet network({.bands = 2, .width = 4});
  auto input = testing::random_input(network.info(), 20, 24);
  auto const expected = network.predict(input);
  input.coarse_before = input.coarse_before + 0.25;
  EXPECT_GT(testing::relative_difference(network.predict(input), expected), 1e-4);
  input.coarse_target = input.coarse_target + 0.25;
  EXPECT_LT(testing::relative_difference(network.predict(input), expected), 1e-5);
}

}  // namespace
}  // namespace stfcube::nn
