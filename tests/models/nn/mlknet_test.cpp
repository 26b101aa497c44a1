#include "stfcube/models/nn/networks/mlknet.hpp"

#include <utility>

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

/// Positive parameters: no feature is cut off by ReLU everywhere, no two paths cancel.
void keep_all_features_alive(torch::nn::Module& network) {
  torch::NoGradGuard const fixed;
  for (auto& parameter : network.parameters()) parameter.uniform_(0.02, 0.1);
}

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
    keep_all_features_alive(network);
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

TEST(Mlknet, moves_with_the_image_by_multiples_of_its_alignment) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(3);
  Mlknet network({.bands = 2, .width = 4, .attention_levels = 0});
  int const radius = network.info().radius_px, align = network.info().align_px;
  int const halo = (radius + align - 1) / align * align, side = 2 * halo + 64;
  auto const input = testing::random_input(network.info(), side, side);
  auto block = input;
  for (torch::Tensor* const image : {&block.coarse_before, &block.fine_before, &block.coarse_target})
    *image = image->slice(2, align).slice(3, align);
  auto const inner = [&](torch::Tensor const& image, int from) {
    return image.slice(2, from, from + 32).slice(3, from, from + 32);
  };
  EXPECT_LT(testing::relative_difference(inner(network.predict(block), halo),
                                         inner(network.predict(input), halo + align)),
            1e-5);
}

}  // namespace
}  // namespace stfcube::nn
