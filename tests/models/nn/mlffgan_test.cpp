#include "stfcube/models/nn/networks/mlffgan.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;

TEST(Mlffgan, has_the_parameters_of_the_publication) {
  Mlffgan const network({.bands = 6});
  EXPECT_EQ(testing::parameter_count(network), 5'925'285);
  EXPECT_EQ(testing::parameter_count(*network.make_discriminator()), 2'775'745);
}

TEST(Mlffgan, gives_the_golden_output) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no golden vectors here";
  auto const golden = testing::golden_network("mlffgan");
  Mlffgan network({.bands = 6});
  testing::fill(network, golden.tensors);
  torch::NoGradGuard const fixed;
  network.eval();
  auto const output = network.forward(golden.inputs.at("coarse_ref"), golden.inputs.at("fine_ref"),
                                      golden.inputs.at("coarse_target"));
  EXPECT_LT(testing::relative_difference(output, golden.outputs.at(0)), 1e-5);
}

TEST(Mlffgan, with_the_statistics_of_a_scene_sees_as_far_as_it_says) {
  Mlffgan network({.bands = 1, .width = 2});
  EXPECT_EQ(testing::measured_radius_of_held(network, 352), network.info().radius_px);
}

TEST(Mlffgan, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  Mlffgan network({.bands = 2, .width = 2});
  network.eval();
  auto const scene = random_input(network.info(), 64, 480);
  EXPECT_EQ(testing::scene_constants(network, scene, 240).size(), 10u);
  EXPECT_LT(
      testing::relative_difference(testing::predict_by_blocks(network, scene, 64), network.predict(scene)),
      1e-4);
}

TEST(Mlffgan, gradients_are_those_of_differences) {
  Mlffgan network({.bands = 2, .width = 2});
  EXPECT_LT(testing::directional_gradient_error(network, 64, 48), 1e-4);
}

TEST(Mlffgan, runs_on_odd_sizes) {
  Mlffgan network({.bands = 3, .width = 2});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Mlffgan, drops_features_in_training_alone) {
  torch::NoGradGuard const fixed;
  Mlffgan network({.bands = 2, .width = 2});
  auto const input = random_input(network.info(), 32, 48);
  network.train();
  EXPECT_FALSE(torch::equal(network.predict(input), network.predict(input)));
  network.eval();
  EXPECT_TRUE(torch::equal(network.predict(input), network.predict(input)));
}

TEST(Mlffgan, discriminator_sees_the_image_and_the_coarse_image_of_its_date) {
  torch::NoGradGuard const fixed;
  Mlffgan const network({.bands = 2});
  auto const discriminator = network.make_discriminator();
  discriminator->eval();
  auto input = random_input(network.info(), 64, 64);
  auto const scores = discriminator->judge(input.fine_before, input);
  EXPECT_EQ(scores.size(1), 1);
  EXPECT_GT(scores.size(2), 4);
  EXPECT_FALSE(torch::equal(discriminator->judge(input.coarse_before, input), scores));
  auto other = input;
  other.coarse_before = torch::zeros_like(input.coarse_before);
  EXPECT_TRUE(torch::equal(discriminator->judge(input.fine_before, other), scores));
  other.coarse_target = torch::zeros_like(input.coarse_target);
  EXPECT_FALSE(torch::equal(discriminator->judge(input.fine_before, other), scores));
}

TEST(Mlffgan, overfits_a_patch) {
  torch::manual_seed(3);
  Mlffgan network({.bands = 2, .width = 8});
  EXPECT_TRUE(testing::overfits(network));
}

TEST(Mlffgan, is_made_with_the_width_of_its_option) {
  auto const network = make_network("mlffgan", {.bands = 4}, {{"mlffgan.width", "2"}});
  EXPECT_EQ(testing::parameter_count(*network), testing::parameter_count(Mlffgan({.bands = 4, .width = 2})));
}

}  // namespace
}  // namespace stfcube::nn
