#include "stfcube/models/nn/networks/cigstf.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

TEST(Cigstf, has_as_many_parameters_as_described) {
  EXPECT_EQ(testing::parameter_count(Cigstf({.bands = 6})), 724'455);
  EXPECT_EQ(count_parameters("cigstf", {.bands = 6}, {}), 724'455);
  EXPECT_EQ(count_parameters("cigstf", {.bands = 6}, {{"cigstf.width", "8"}}),
            testing::parameter_count(Cigstf({.bands = 6, .width = 8})));
}

TEST(Cigstf, sees_fifteen_pixels_around) {
  torch::manual_seed(1);
  Cigstf network({.bands = 2, .width = 8});
  EXPECT_EQ(testing::measured_radius(network, 48), network.info().radius_px);
}

TEST(Cigstf, gradients_are_those_of_differences) {
  torch::manual_seed(2);
  Cigstf network({.bands = 2, .width = 4});
  EXPECT_LT(testing::gradient_error(network, 9, 8), 1e-4);
}

TEST(Cigstf, runs_on_odd_sizes) {
  Cigstf network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Cigstf, gives_a_change_map_between_none_and_full) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(3);
  Cigstf network({.bands = 3, .width = 8});
  auto const input = testing::random_input(network.info(), 20, 24, 2);
  auto const output = network.forward(input.coarse_before, input.fine_before, input.coarse_target);
  EXPECT_EQ(output.change.sizes(), (std::vector<std::int64_t>{2, 1, 20, 24}));
  EXPECT_GT(output.change.min().item<float>(), 0);
  EXPECT_LT(output.change.max().item<float>(), 1);
  EXPECT_TRUE(torch::equal(output.image, network.predict(input)));
}

}  // namespace
}  // namespace stfcube::nn
