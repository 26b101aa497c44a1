#include "stfcube/models/nn/networks/stfnet.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

/// Weights as if trained: the last layers do not begin at zero.
void draw(Network& network) {
  torch::NoGradGuard const fixed;
  for (auto& parameter : network.parameters()) parameter.normal_(0, 0.1);
}

TEST(Stfnet, has_the_parameters_of_the_specification) {
  EXPECT_EQ(testing::parameter_count(Stfnet({.bands = 6})), 92'716);
  EXPECT_EQ(testing::parameter_count(Stfnet({.bands = 6, .width = 64})), 236'620);
  EXPECT_EQ(testing::parameter_count(Stfnet({.bands = 6, .per_band = true})), 36'866);
  EXPECT_EQ(testing::parameter_count(Stfnet({.bands = 6, .pairs = 1})), 46'358);
}

TEST(Stfnet, sees_as_far_as_it_says) {
  Stfnet one({.bands = 2, .pairs = 1, .width = 4}), two({.bands = 2, .ratio = 8, .width = 4});
  Stfnet bands({.bands = 2, .ratio = 4, .width = 4, .per_band = true, .window = 3});
  EXPECT_EQ(one.info().radius_px, 8);
  EXPECT_EQ(two.info().radius_px, 12);
  EXPECT_EQ(bands.info().radius_px, 8);
  for (Network* const network :
       {static_cast<Network*>(&one), static_cast<Network*>(&two), static_cast<Network*>(&bands)}) {
    draw(*network);
    EXPECT_EQ(testing::measured_radius(*network, 40), network->info().radius_px);
  }
}

TEST(Stfnet, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  Stfnet network({.bands = 2, .ratio = 8, .width = 4});
  draw(network);
  auto const scene = testing::random_input(network.info(), 50, 46);
  EXPECT_LT(
      testing::relative_difference(testing::predict_by_blocks(network, scene, 20), network.predict(scene)),
      1e-5);
}

TEST(Stfnet, gradients_are_those_of_differences) {
  for (bool const per_band : {false, true}) {
    Stfnet network({.bands = 2, .ratio = 2, .width = 4, .per_band = per_band});
    draw(network);
    EXPECT_LT(testing::gradient_error(network, 9, 8), 1e-4);
  }
}

TEST(Stfnet, runs_on_odd_sizes) {
  Stfnet network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Stfnet, begins_between_the_references_nearer_to_that_of_less_change) {
  torch::NoGradGuard const fixed;
  Stfnet network({.bands = 2, .ratio = 4, .width = 4});
  auto input = testing::random_input(network.info(), 24, 24);
  input.coarse_before = input.coarse_target + 0.009;
  input.coarse_after = input.coarse_target - 0.029;
  torch::Tensor const expected = 0.75 * input.fine_before + 0.25 * input.fine_after;
  EXPECT_LT(testing::relative_difference(network.predict(input), expected), 1e-4);
}

TEST(Stfnet, with_dates_and_streams_exchanged_predicts_the_same) {
  torch::NoGradGuard const fixed;
  Stfnet network({.bands = 2, .ratio = 4, .width = 4}), mirrored({.bands = 2, .ratio = 4, .width = 4});
  draw(network);
  auto const exchanged = [](std::string const& name) {
    return name.starts_with("later") ? "earlier" + name.substr(5) : "later" + name.substr(7);
  };
  auto target = mirrored.named_parameters();
  for (auto const& item : network.named_parameters()) {
    torch::Tensor values = item.value().clone();
    if (item.key().ends_with(".0.weight")) values.narrow(1, 0, 2).neg_();
    if (item.key().find(".4.") != std::string::npos) values.neg_();
    target[exchanged(item.key())].copy_(values);
  }
  auto const input = testing::random_input(network.info(), 20, 24);
  auto swapped = input;
  std::swap(swapped.coarse_before, swapped.coarse_after);
  std::swap(swapped.fine_before, swapped.fine_after);
  EXPECT_LT(testing::relative_difference(mirrored.predict(swapped), network.predict(input)), 1e-5);
}

TEST(Stfnet, compares_each_stream_with_the_truth_in_training) {
  Stfnet two({.bands = 2, .width = 4}), one({.bands = 2, .pairs = 1, .width = 4});
  auto const all = two.predict_all(testing::random_input(two.info(), 16, 16));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_GT(testing::relative_difference(all[1], all[2]), 0.1);
  EXPECT_EQ(one.predict_all(testing::random_input(one.info(), 16, 16)).size(), 1u);
}

TEST(Stfnet, is_made_by_its_name) {
  auto const network =
      make_network("stfnet", {.bands = 4, .ratio = 30}, {{"stfnet.per_band", "on"}, {"stfnet.window", "5"}});
  EXPECT_EQ(network->info().radius_px, 75);
  EXPECT_EQ(testing::parameter_count(*network), 36'866);
  EXPECT_EQ(make_network("stfnet", {}, {{"stfnet.pairs", "1"}})->info().form, NetworkForm::one_pair);
}

}  // namespace
}  // namespace stfcube::nn
