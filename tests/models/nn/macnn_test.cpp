#include "stfcube/models/nn/networks/macnn.hpp"

#include <gtest/gtest.h>

#include "stfcube/models/nn/layers/coarse_change_weight.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;

TEST(Macnn, has_as_many_parameters_as_described) {
  EXPECT_EQ(testing::parameter_count(Macnn({.bands = 6})), 367'504);
  EXPECT_EQ(count_parameters("macnn", {.bands = 6}, {{"macnn.gate", "spatial"}}), 367'504 - 2 * 512);
  EXPECT_EQ(count_parameters("macnn", {.bands = 6}, {{"macnn.gate", "none"}}), 367'504 - 2 * 610);
  EXPECT_EQ(count_parameters("macnn", {.bands = 6}, {{"macnn.width", "16"}}),
            testing::parameter_count(Macnn({.width = 16})));
}

TEST(Macnn, looks_at_the_whole_scene_with_its_channel_gate_alone) {
  auto const path = [](char const* gate) {
    return describe_network("macnn", {}, {{"macnn.gate", gate}}).path;
  };
  EXPECT_EQ(path("full"), InferencePath::scene_statistics);
  EXPECT_EQ(path("spatial"), InferencePath::local);
  EXPECT_EQ(path("none"), InferencePath::local);
}

TEST(Macnn, sees_its_stack_or_the_window_of_its_weights) {
  torch::manual_seed(1);
  auto const expect_radius = [](MacnnOptions const& options, int radius) {
    Macnn network(options);
    EXPECT_EQ(network.info().radius_px, radius);
    testing::draw_parameters(network, 0.002, 0.01);
    EXPECT_EQ(testing::measured_radius_of_held(network, 64), radius);
  };
  expect_radius({.bands = 1, .width = 16, .weight_radius = 4}, 16);
  expect_radius({.bands = 1, .width = 16, .gate = MacnnGate::spatial, .weight_radius = 4}, 16);
  expect_radius({.bands = 1, .width = 16, .gate = MacnnGate::none, .weight_radius = 0}, 13);
  expect_radius({.bands = 1, .width = 16, .gate = MacnnGate::none, .weight_radius = 24}, 24);
  EXPECT_EQ(describe_network("macnn", {.ratio = 16}, {}).radius_px, 24);
  EXPECT_EQ(describe_network("macnn", {.ratio = 30}, {{"macnn.window", "1"}}).radius_px, 16);
}

TEST(Macnn, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(4);
  for (auto const gate : {MacnnGate::full, MacnnGate::spatial}) {
    Macnn network({.bands = 1, .width = 16, .gate = gate, .weight_radius = 4});
    testing::draw_parameters(network, -0.2, 0.2);
    auto const scene = random_input(network.info(), 50, 46);
    auto const by_blocks = testing::predict_by_blocks(network, scene, 20);
    EXPECT_LT(testing::relative_difference(by_blocks, network.predict(scene)), 1e-5);
  }
}

TEST(Macnn, gradients_are_those_of_differences) {
  torch::manual_seed(2);
  Macnn gated({.bands = 1, .width = 16, .weight_radius = 2}),
      plain({.bands = 1, .width = 4, .gate = MacnnGate::none, .weight_radius = 0});
  for (Network* const network : {static_cast<Network*>(&gated), static_cast<Network*>(&plain)}) {
    testing::draw_parameters(*network, -0.2, 0.2);
    EXPECT_LT(testing::gradient_error(*network, 9, 8), 1e-4);
  }
}

TEST(Macnn, runs_on_odd_sizes) {
  Macnn network({.bands = 3, .width = 16});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Macnn, begins_at_the_fine_images) {
  torch::NoGradGuard const fixed;
  Macnn network({.bands = 2, .width = 16});
  auto const input = random_input(network.info(), 20, 24);
  auto const predictions = network.predict_all(input);
  EXPECT_TRUE(torch::equal(predictions.at(0), network.predict(input)));
  EXPECT_TRUE(torch::equal(predictions.at(1), input.fine_before));
  EXPECT_TRUE(torch::equal(predictions.at(2), input.fine_after));
}

TEST(Macnn, trusts_the_pair_whose_coarse_image_is_the_target_s) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(3);
  Macnn network({.bands = 2, .width = 16, .weight_radius = 8});
  testing::draw_parameters(network, -0.1, 0.1);
  auto input = random_input(network.info(), 32, 32);
  input.coarse_target = input.coarse_after;
  auto const predictions = network.predict_all(input);
  EXPECT_LT(testing::relative_difference(predictions.at(0), predictions.at(2)), 0.02);
  EXPECT_GT(testing::relative_difference(predictions.at(0), predictions.at(1)), 0.1);
}

TEST(Macnn, weighs_by_the_mean_change_in_a_window) {
  auto const before = torch::zeros({1, 2, 5, 5}), after = torch::full({1, 2, 5, 5}, 0.3);
  auto target = torch::zeros({1, 2, 5, 5});
  target[0][0][2][2] = 0.9;
  auto const pixel = coarse_change_weight(before, target, after, 0);
  EXPECT_NEAR(pixel[0][0][2][2].item<double>(), 0.451 / (0.451 + 0.451), 1e-6);
  EXPECT_NEAR(pixel[0][0][0][0].item<double>(), 0.301 / (0.301 + 0.001), 1e-6);
  auto const window = coarse_change_weight(before, target, after, 1);
  double const change_before = 0.45 / 9 + 0.001, change_after = (8 * 0.3 + 0.45) / 9 + 0.001;
  EXPECT_NEAR(window[0][0][1][1].item<double>(), change_after / (change_before + change_after), 1e-6);
  EXPECT_NEAR(window[0][0][0][0].item<double>(), 0.301 / 0.302, 1e-6);
}

}  // namespace
}  // namespace stfcube::nn
