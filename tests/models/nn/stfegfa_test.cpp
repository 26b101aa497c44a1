#include "stfcube/models/nn/networks/stfegfa.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;

TEST(Stfegfa, has_as_many_parameters_as_described) {
  EXPECT_EQ(testing::parameter_count(Stfegfa({.bands = 6})), 308'935);
  EXPECT_EQ(count_parameters("stfegfa", {.bands = 6}, {{"stfegfa.pairs", "1"}}), 308'935);
  EXPECT_EQ(count_parameters("stfegfa", {.bands = 6}, {{"stfegfa.edge", "false"}}), 308'935 - 13'952);
  EXPECT_EQ(count_parameters("stfegfa", {.bands = 6}, {{"stfegfa.gate", "pixel"}}), 308'935 - 4'240);
  EXPECT_EQ(count_parameters("stfegfa", {.bands = 6}, {{"stfegfa.gate", "none"}}), 308'935 - 6'321);
  EXPECT_EQ(count_parameters("stfegfa", {.bands = 6}, {{"stfegfa.width", "4"}}),
            testing::parameter_count(Stfegfa({.width = 4})));
}

TEST(Stfegfa, looks_at_the_whole_scene_with_its_channel_gate_alone) {
  auto const path = [](char const* gate) {
    return describe_network("stfegfa", {}, {{"stfegfa.gate", gate}}).path;
  };
  EXPECT_EQ(path("full"), InferencePath::scene_statistics);
  EXPECT_EQ(path("pixel"), InferencePath::local);
  EXPECT_EQ(path("none"), InferencePath::local);
}

TEST(Stfegfa, sees_seven_pixels_around) {
  torch::manual_seed(1);
  for (auto const gate : {StfegfaGate::pixel, StfegfaGate::full}) {
    Stfegfa network({.bands = 2, .width = 8, .gate = gate});
    testing::draw_parameters(network, 0.005, 0.05);
    EXPECT_EQ(testing::measured_radius_of_held(network, 32), network.info().radius_px);
  }
  Stfegfa without_edges({.bands = 2, .width = 8, .edge = false, .gate = StfegfaGate::none});
  testing::draw_parameters(without_edges, 0.005, 0.05);
  EXPECT_EQ(testing::measured_radius(without_edges, 32), without_edges.info().radius_px);
}

TEST(Stfegfa, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(5);
  for (auto const gate : {StfegfaGate::full, StfegfaGate::pixel}) {
    Stfegfa network({.bands = 2, .width = 4, .gate = gate});
    auto const scene = random_input(network.info(), 50, 46);
    auto const by_blocks = testing::predict_by_blocks(network, scene, 20);
    EXPECT_LT(testing::relative_difference(by_blocks, network.predict(scene)), 1e-5);
  }
}

TEST(Stfegfa, gradients_are_those_of_differences) {
  torch::manual_seed(2);
  Stfegfa one({.bands = 2, .width = 4, .pairs = 1}), two({.bands = 2, .width = 4});
  EXPECT_LT(testing::gradient_error(one, 9, 8), 1e-4);
  EXPECT_LT(testing::gradient_error(two, 9, 8), 1e-4);
}

TEST(Stfegfa, runs_on_odd_sizes) {
  Stfegfa network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Stfegfa, two_equal_references_give_the_result_of_one) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(3);
  Stfegfa network({.bands = 3, .width = 4});
  auto input = random_input(network.info(), 20, 24);
  input.coarse_after = input.coarse_before;
  input.fine_after = input.fine_before;
  auto const one = network.forward(input.coarse_before, input.fine_before, input.coarse_target);
  EXPECT_LT(testing::relative_difference(network.predict(input), one), 1e-6);
}

TEST(Stfegfa, finds_no_edges_in_a_plain_image) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(4);
  Stfegfa network({.bands = 2, .width = 4, .pairs = 1, .gate = StfegfaGate::none});
  auto input = random_input(network.info(), 20, 24);
  input.fine_before = torch::full_like(input.fine_before, 0.3);
  auto const with_edges = network.predict(input);
  for (auto& parameter : network.named_parameters()) {
    if (parameter.key() == "edge.weight") parameter.value().zero_();
  }
  EXPECT_LT(testing::relative_difference(network.predict(input), with_edges), 1e-6);
  input.fine_before = torch::rand_like(input.fine_before);
  auto const without_edges = network.predict(input);
  for (auto& parameter : network.named_parameters()) {
    if (parameter.key() == "edge.weight") parameter.value().fill_(0.1);
  }
  EXPECT_GT(testing::relative_difference(network.predict(input), without_edges), 1e-3);
}

}  // namespace
}  // namespace stfcube::nn
