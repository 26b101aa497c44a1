#include "stfcube/models/nn/networks/opgan.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

TEST(Opgan, has_the_parameters_of_the_specification) {
  Opgan network({.bands = 6});
  EXPECT_EQ(testing::parameter_count(network), 1'304'460);
  EXPECT_EQ(testing::parameter_count(*network.make_discriminator()), 5'217'153);
}

TEST(Opgan, sees_as_far_as_it_says) {
  Opgan wide({.bands = 1, .width = 4}), narrow({.bands = 1, .width = 4, .kernel = 5});
  EXPECT_EQ(wide.info().radius_px, 25);
  EXPECT_EQ(testing::measured_radius(wide, 64), 25);
  EXPECT_EQ(narrow.info().radius_px, 21);
  EXPECT_EQ(testing::measured_radius(narrow, 64), 21);
}

TEST(Opgan, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  for (Padding const padding : {Padding::zeros, Padding::replicate}) {
    Opgan network({.bands = 2, .width = 4, .padding = padding});
    network.eval();
    auto const scene = testing::random_input(network.info(), 66, 90);
    EXPECT_LT(
        testing::relative_difference(testing::predict_by_blocks(network, scene, 32), network.predict(scene)),
        1e-5);
  }
}

TEST(Opgan, gradients_are_those_of_differences) {
  torch::manual_seed(7);
  Opgan network({.bands = 2, .width = 3});
  EXPECT_LT(testing::gradient_error(network, 9, 8), 1e-4);
}

TEST(Opgan, runs_on_odd_sizes) {
  Opgan network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Opgan, side_output_is_the_reference_and_a_change) {
  torch::NoGradGuard const fixed;
  Opgan network({.bands = 2, .width = 4});
  network.eval();
  auto input = testing::random_input(network.info(), 16, 16);
  auto const all = network.predict_all(input);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(torch::equal(all[0], network.predict(input)));
  EXPECT_LE((all[1] - input.fine_before).abs().max().item<float>(), 1.0F);
}

TEST(Opgan, discriminator_gives_each_image_one_score) {
  Opgan network({.bands = 2, .width = 4});
  auto const input = testing::random_input(network.info(), 40, 32, 3);
  auto const scores = network.make_discriminator()->judge(input.fine_before, input);
  EXPECT_EQ(scores.sizes(), (std::vector<std::int64_t>{3, 1}));
}

TEST(Opgan, is_made_by_its_name) {
  auto const network = make_network(
      "opgan", {.bands = 4}, {{"opgan.padding", "replicate"}, {"opgan.width", "32"}, {"opgan.kernel", "5"}});
  EXPECT_EQ(network->info().radius_px, 21);
  EXPECT_EQ(network->info().scaling, "symmetric");
  EXPECT_THROW(make_network("opgan", {}, {{"opgan.kernel", "4"}}), Error);
}

}  // namespace
}  // namespace stfcube::nn
