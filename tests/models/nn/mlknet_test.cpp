#include "stfcube/models/nn/networks/mlknet.hpp"

#include <utility>

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

TEST(Mlknet, has_as_many_parameters_as_described) {
  EXPECT_EQ(testing::parameter_count(Mlknet({.bands = 6})), 1'994'038);
  EXPECT_EQ(count_parameters("mlknet", {.bands = 6}, {{"mlknet.attention_levels", "3"}}),
            1'994'038 - (128 * 128 + 77 * 128));
  EXPECT_EQ(count_parameters("mlknet", {.bands = 6}, {{"mlknet.width", "4"}}),
            testing::parameter_count(Mlknet({.width = 4})));
}

TEST(Mlknet, sees_as_far_as_its_attention_reaches) {
  torch::manual_seed(1);
  for (auto const& [levels, radius] : {std::pair{0, 55}, {1, 55}, {2, 55}, {3, 71}, {4, 143}}) {
    Mlknet network({.bands = 1, .width = 4, .attention_levels = levels});
    testing::draw_parameters(network, 0.02, 0.1);
    EXPECT_EQ(network.info().radius_px, radius);
    EXPECT_EQ(testing::measured_radius(network, 2 * radius + 32), radius) << levels << " levels";
  }
}

TEST(Mlknet, gradients_are_those_of_differences) {
  torch::manual_seed(2);
  Mlknet network({.bands = 2, .width = 3});
  EXPECT_LT(testing::gradient_error(network, 9, 16), 1e-4);
}

TEST(Mlknet, runs_on_odd_sizes) {
  Mlknet network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Mlknet, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(3);
  Mlknet network({.bands = 2, .width = 4, .attention_levels = 1});
  auto const scene = testing::random_input(network.info(), 150, 90);
  auto const by_blocks = testing::predict_by_blocks(network, scene, 64);
  EXPECT_LT(testing::relative_difference(by_blocks, network.predict(scene)), 1e-5);
}

}  // namespace
}  // namespace stfcube::nn
