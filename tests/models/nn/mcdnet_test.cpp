#include "stfcube/models/nn/networks/mcdnet.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;
using testing::relative_difference;

TEST(Mcdnet, has_as_many_parameters_as_described) {
  EXPECT_EQ(testing::parameter_count(Mcdnet({.bands = 6})), 222'322);
  EXPECT_EQ(count_parameters("mcdnet", {.bands = 6}, {{"mcdnet.width", "4"}}),
            testing::parameter_count(Mcdnet({.width = 4})));
}

TEST(Mcdnet, sees_ten_pixels_around) {
  torch::manual_seed(1);
  Mcdnet network({.bands = 2, .width = 8});
  testing::draw_parameters(network, 0.01, 0.1);
  EXPECT_EQ(testing::measured_radius(network, 40), network.info().radius_px);
}

TEST(Mcdnet, gradients_are_those_of_differences) {
  torch::manual_seed(2);
  Mcdnet network({.bands = 2, .width = 3});
  testing::draw_parameters(network, -0.3, 0.3);
  EXPECT_LT(testing::gradient_error(network, 9, 8), 1e-4);
}

TEST(Mcdnet, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(6);
  Mcdnet network({.bands = 2, .width = 4});
  testing::draw_parameters(network, -0.3, 0.3);
  auto const scene = testing::random_input(network.info(), 50, 46);
  auto const by_blocks = testing::predict_by_blocks(network, scene, 20);
  EXPECT_LT(testing::relative_difference(by_blocks, network.predict(scene)), 1e-5);
}

TEST(Mcdnet, runs_on_odd_sizes) {
  Mcdnet network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Mcdnet, begins_at_the_fine_images_and_predicts_the_same_without_its_side_outputs) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(3);
  Mcdnet network({.bands = 2, .width = 4});
  auto const input = random_input(network.info(), 20, 24);
  EXPECT_TRUE(torch::equal(network.predict_all(input).at(1), input.fine_before));
  EXPECT_TRUE(torch::equal(network.predict_all(input).at(2), input.fine_after));
  testing::draw_parameters(network, -0.3, 0.3);
  EXPECT_TRUE(torch::equal(network.predict_all(input).at(0), network.predict(input)));
}

TEST(Mcdnet, side_outputs_hold_one_known_difference) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(4);
  Mcdnet network({.bands = 2, .width = 4});
  testing::draw_parameters(network, -0.3, 0.3);
  auto const input = random_input(network.info(), 20, 24);
  auto const all = network.predict_all(input);
  auto const known = input.fine_after - input.fine_before;
  auto const from_after = known + all.at(3) - all.at(2), from_before = known + all.at(1) - all.at(4);
  EXPECT_LT(relative_difference(from_after, from_before), 1e-5);
  EXPECT_GT(relative_difference(from_after, known), 1e-3);
}

TEST(Mcdnet, trusts_the_pair_whose_coarse_image_is_the_target_s) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(5);
  Mcdnet network({.bands = 2, .width = 4});
  auto input = random_input(network.info(), 20, 24);
  input.coarse_before = input.coarse_target;
  auto const all = network.predict_all(input);
  EXPECT_LT((all.at(0) - all.at(1)).abs().median().item<double>(), 0.02);
  EXPECT_GT((all.at(0) - all.at(2)).abs().median().item<double>(), 0.1);
}

}  // namespace
}  // namespace stfcube::nn
