#include "stfcube/models/nn/networks/srsfgan.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

TEST(Srsfgan, has_the_parameters_of_the_publication) {
  Srsfgan network({.bands = 6});
  EXPECT_EQ(testing::parameter_count(network), 3'866'084);
  // The published discriminator has one more level, which it does not use.
  EXPECT_EQ(testing::parameter_count(*network.make_discriminator()), 956'497 - 369'792);
}

TEST(Srsfgan, gives_the_golden_output_and_side_output) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no golden vectors here";
  auto const golden = testing::golden_network("srsfgan");
  Srsfgan network({.bands = 6, .corners = true});
  testing::fill(network, golden.tensors);
  torch::NoGradGuard const fixed;
  network.eval();
  auto const [image, side] = network.forward(golden.inputs.at("fine_ref"), golden.inputs.at("coarse_target"));
  EXPECT_LT(testing::relative_difference(image, golden.outputs.at(0)), 1e-5);
  EXPECT_LT(testing::relative_difference(side, golden.outputs.at(1)), 1e-5);
}

TEST(Srsfgan, sees_as_far_as_it_says) {
  Srsfgan network({.bands = 1, .width = 16});
  EXPECT_EQ(network.info().path, InferencePath::scene_statistics);
  EXPECT_EQ(testing::measured_radius_of_held(network, 304), network.info().radius_px);
}

TEST(Srsfgan, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  Srsfgan network({.bands = 1, .width = 16});
  network.eval();
  auto const scene = testing::random_input(network.info(), 64, 192);
  auto const known = testing::scene_constants(network, scene, 96);
  EXPECT_EQ(known.size(), 8u);
  EXPECT_LT(
      testing::relative_difference(testing::predict_by_blocks(network, scene, 96), network.predict(scene)),
      1e-5);
}

TEST(Srsfgan, gradients_are_those_of_differences) {
  torch::manual_seed(7);
  Srsfgan network({.bands = 1, .width = 16});
  EXPECT_LT(testing::gradient_error(network, 16, 16), 1e-4);
}

TEST(Srsfgan, runs_on_odd_sizes) {
  Srsfgan network({.bands = 2, .width = 16});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Srsfgan, predicts_a_side_output_that_knows_nothing_of_the_reference) {
  torch::NoGradGuard const fixed;
  Srsfgan network({.bands = 2, .width = 16});
  network.eval();
  auto input = testing::random_input(network.info(), 32, 40);
  auto const before = network.predict_all(input);
  input.fine_before = input.fine_before * 0.5;
  auto const after = network.predict_all(input);
  ASSERT_EQ(after.size(), 2u);
  EXPECT_FALSE(torch::equal(after[0], before[0]));
  EXPECT_TRUE(torch::equal(after[1], before[1]));
}

TEST(Srsfgan, discriminator_scores_every_pixel) {
  Srsfgan network({.bands = 2, .width = 16});
  auto const input = testing::random_input(network.info(), 32, 24, 2);
  auto const scores = network.make_discriminator()->judge(input.fine_before, input);
  EXPECT_EQ(scores.sizes(), (std::vector<std::int64_t>{2, 1, 32, 24}));
  EXPECT_GT(scores.min().item<float>(), 0.0F);
  EXPECT_LT(scores.max().item<float>(), 1.0F);
}

TEST(Srsfgan, is_made_by_its_name) {
  auto const network =
      make_network("srsfgan", {.bands = 4}, {{"srsfgan.reduction", "corners"}, {"srsfgan.width", "32"}});
  EXPECT_EQ(network->info().path, InferencePath::lattice);
  EXPECT_THROW(make_network("srsfgan", {.bands = 4}, {{"srsfgan.width", "20"}}), Error);
}

}  // namespace
}  // namespace stfcube::nn
