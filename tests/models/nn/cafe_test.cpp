#include "stfcube/models/nn/networks/cafe.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

TEST(Cafe, has_the_parameters_of_the_publication_that_are_in_use) {
  // Each dense module of the published code holds a layer that it never applies.
  int const unused = 9 * 64 * 64 + 64 + 1, in_use = 3'590'716 - 4 * unused;
  EXPECT_EQ(testing::parameter_count(Cafe({.bands = 6})), in_use);
  int const gate = 64 * 8 + 8 + 1 + 8 * 64 + 64;
  EXPECT_EQ(count_parameters("cafe", {.bands = 6}, {{"cafe.gate", "spatial"}}), in_use - 4 * gate);
  EXPECT_EQ(count_parameters("cafe", {.bands = 6}, {{"cafe.width", "16"}}),
            testing::parameter_count(Cafe({.width = 16})));
}

TEST(Cafe, looks_at_the_whole_scene_with_its_channel_gate_alone) {
  EXPECT_EQ(describe_network("cafe", {}, {}).path, InferencePath::scene_statistics);
  EXPECT_EQ(describe_network("cafe", {}, {{"cafe.gate", "spatial"}}).path, InferencePath::local);
}

TEST(Cafe, sees_forty_four_pixels_around) {
  torch::manual_seed(1);
  Cafe network({.bands = 1, .width = 16, .channel_gate = false});
  EXPECT_EQ(testing::measured_radius(network, 96), network.info().radius_px);
}

TEST(Cafe, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(4);
  Cafe network({.bands = 1, .width = 8});
  auto const scene = testing::random_input(network.info(), 100, 60);
  auto const by_blocks = testing::predict_by_blocks(network, scene, 50);
  EXPECT_LT(testing::relative_difference(by_blocks, network.predict(scene)), 1e-5);
}

TEST(Cafe, gradients_are_those_of_differences) {
  torch::manual_seed(2);
  Cafe network({.bands = 2, .width = 8});
  testing::draw_parameters(network, -0.2, 0.2);
  EXPECT_LT(testing::gradient_error(network, 7, 6), 1e-4);
}

TEST(Cafe, runs_on_odd_sizes) {
  Cafe network({.bands = 3, .width = 8});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Cafe, begins_with_an_empty_image_where_the_coarse_image_stays) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(3);
  Cafe network({.bands = 2, .width = 8});
  auto input = testing::random_input(network.info(), 20, 24);
  input.coarse_target = input.coarse_before;
  EXPECT_EQ(network.predict(input).abs().max().item<float>(), 0);
  input.coarse_target = torch::rand_like(input.coarse_target);
  EXPECT_GT(network.predict(input).abs().max().item<float>(), 0);
}

}  // namespace
}  // namespace stfcube::nn
