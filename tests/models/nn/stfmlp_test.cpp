#include "stfcube/models/nn/networks/stfmlp.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;

TEST(Stfmlp, has_the_parameters_of_the_publication) {
  EXPECT_EQ(testing::parameter_count(*StfmlpStream(StfmlpOptions{.bands = 6})), 11'043'978);
  EXPECT_EQ(testing::parameter_count(Stfmlp({.bands = 6})), 22'087'956);
}

TEST(Stfmlp, gradients_are_those_of_differences) {
  Stfmlp absolute({.bands = 2, .width = 3, .patch = 8});
  Stfmlp published({.bands = 2, .width = 3, .patch = 8, .weights = StfmlpWeights::published});
  EXPECT_LT(testing::gradient_error(absolute, 8, 8), 1e-4);
  EXPECT_LT(testing::gradient_error(published, 8, 8), 1e-4);
}

TEST(Stfmlp, gives_each_patch_of_a_batch_its_own_result) {
  torch::NoGradGuard const fixed;
  Stfmlp network({.bands = 2, .width = 5, .patch = 12});
  auto input = random_input(network.info(), 12, 12, 3);
  auto const all = network.predict(input);
  for (torch::Tensor* const image : {&input.coarse_target, &input.coarse_before, &input.fine_before,
                                     &input.coarse_after, &input.fine_after})
    *image = image->slice(0, 1, 2);
  EXPECT_LT(testing::relative_difference(network.predict(input), all.slice(0, 1, 2)), 1e-5);
}

TEST(Stfmlp, mixes_all_pixels_of_a_patch) {
  Stfmlp network({.bands = 1, .width = 5, .patch = 12});
  auto input = random_input(network.info(), 12, 12);
  input.fine_before.set_requires_grad(true);
  network.predict(input)[0][0][0][0].backward();
  EXPECT_TRUE((input.fine_before.grad() != 0).all().item<bool>());
}

TEST(Stfmlp, trusts_the_pair_of_the_smaller_change) {
  auto const small = torch::full({1, 2, 4, 4}, 0.019), large = torch::full({1, 2, 4, 4}, -0.059);
  for (auto const weights : {StfmlpWeights::absolute, StfmlpWeights::published}) {
    EXPECT_NEAR(stfmlp_share(small, large, weights).item<double>(), 0.75, 1e-6);
    EXPECT_NEAR(stfmlp_share(large, small, weights).item<double>(), 0.25, 1e-6);
  }
}

TEST(Stfmlp, published_weights_take_one_pair_alone_and_let_changes_cancel) {
  auto const small = torch::full({1, 2, 4, 4}, 0.1), large = torch::full({1, 2, 4, 4}, 0.4);
  EXPECT_EQ(stfmlp_share(small, large, StfmlpWeights::published).item<double>(), 1);
  EXPECT_EQ(stfmlp_share(large, small, StfmlpWeights::published).item<double>(), 0);
  EXPECT_LT(stfmlp_share(small, large, StfmlpWeights::absolute).item<double>(), 0.9);
  auto const both_ways = torch::cat({torch::full({1, 1, 4, 4}, 0.1), torch::full({1, 1, 4, 4}, -0.1)}, 1);
  EXPECT_GT(stfmlp_share(both_ways, small, StfmlpWeights::published).item<double>(), 0.9);
  EXPECT_NEAR(stfmlp_share(both_ways, small, StfmlpWeights::absolute).item<double>(), 0.5, 1e-6);
}

TEST(Stfmlp, refuses_patches_of_another_size) {
  Stfmlp network({.bands = 2, .width = 3, .patch = 8});
  EXPECT_THROW(network.predict(random_input(network.info(), 12, 8)), Error);
}

TEST(Stfmlp, overfits_a_patch) {
  torch::manual_seed(3);
  Stfmlp network({.bands = 2, .width = 12, .patch = 16});
  EXPECT_TRUE(testing::overfits(network, {.size = 16}));
}

TEST(Stfmlp, is_made_with_its_options) {
  auto const network =
      make_network("stfmlp", {.bands = 2},
                   {{"stfmlp.patch", "8"}, {"stfmlp.width", "5"}, {"stfmlp.weights", "published"}});
  EXPECT_EQ(testing::parameter_count(*network),
            testing::parameter_count(Stfmlp({.bands = 2, .width = 5, .patch = 8})));
  EXPECT_EQ(network->info().patch_px, 8);
  EXPECT_THROW(make_network("stfmlp", {.bands = 2}, {{"stfmlp.patch", "10"}}), Error);
  EXPECT_THROW(make_network("stfmlp", {.bands = 2}, {{"stfmlp.weights", "none"}}), Error);
}

}  // namespace
}  // namespace stfcube::nn
