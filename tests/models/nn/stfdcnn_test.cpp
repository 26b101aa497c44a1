#include "stfcube/models/nn/networks/stfdcnn.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;
using testing::relative_difference;

TEST(Stfdcnn, has_the_parameters_of_its_table) {
  EXPECT_EQ(testing::parameter_count(*StfdcnnStage(1)), 57'281);
  EXPECT_EQ(testing::parameter_count(*StfdcnnStage(6)), 87'206);
  EXPECT_EQ(testing::parameter_count(Stfdcnn({.bands = 6})), 174'412);
  EXPECT_EQ(testing::parameter_count(Stfdcnn({.bands = 6, .per_band = true})), 114'562);
}

TEST(Stfdcnn, sees_as_far_as_it_says) {
  for (int const reduction : {1, 3, 4}) {
    Stfdcnn network({.bands = 1, .reduction = reduction});
    int const side = 24 * reduction + 24 + (24 % reduction == 0 ? 0 : reduction - 24 % reduction);
    EXPECT_EQ(testing::measured_radius(network, side), network.info().radius_px) << reduction;
  }
}

TEST(Stfdcnn, gradients_are_those_of_differences) {
  Stfdcnn additive({.bands = 1, .reduction = 2});
  Stfdcnn modulation(
      {.bands = 2, .reduction = 2, .per_band = true, .injection = StfdcnnInjection::modulation});
  EXPECT_LT(testing::gradient_error(additive, 8, 6), 1e-4);
  EXPECT_LT(testing::gradient_error(modulation, 8, 6), 1e-4);
}

TEST(Stfdcnn, runs_on_odd_sizes) {
  Stfdcnn network({.bands = 2});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Stfdcnn, without_a_change_gives_the_fine_image) {
  torch::NoGradGuard const fixed;
  for (auto const injection : {StfdcnnInjection::additive, StfdcnnInjection::modulation}) {
    Stfdcnn network({.bands = 2, .injection = injection});
    auto input = random_input(network.info(), 24, 32);
    // Modulation needs transition images of ordinary reflectance.
    for (auto& parameter : network.parameters()) parameter.mul_(0.1);
    input.fine_before = 0.5 + 0.1 * input.fine_before;
    input.coarse_before = 0.5 + 0.1 * input.coarse_before;
    input.coarse_target = input.coarse_after = input.coarse_before;
    input.fine_after = input.fine_before;
    EXPECT_LT(relative_difference(network.predict(input), input.fine_before), 1e-5);
  }
}

TEST(Stfdcnn, injections_differ_where_something_changes) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(2);
  Stfdcnn additive({.bands = 2});
  torch::manual_seed(2);
  Stfdcnn modulation({.bands = 2, .injection = StfdcnnInjection::modulation});
  auto const input = random_input(additive.info(), 24, 32);
  EXPECT_GT(relative_difference(modulation.predict(input), additive.predict(input)), 1e-3);
}

TEST(Stfdcnn, bands_by_themselves_do_not_hear_of_each_other) {
  torch::NoGradGuard const fixed;
  for (bool const per_band : {true, false}) {
    Stfdcnn network({.bands = 2, .per_band = per_band});
    auto input = random_input(network.info(), 24, 24);
    auto const before = network.predict(input);
    input.coarse_target = input.coarse_target.clone();
    input.coarse_target.select(1, 1).zero_();
    EXPECT_EQ(torch::equal(network.predict(input).select(1, 0), before.select(1, 0)), per_band);
  }
}

TEST(Stfdcnn, shows_the_image_of_the_first_stage) {
  torch::NoGradGuard const fixed;
  Stfdcnn network({.bands = 2, .reduction = 4});
  auto const input = random_input(network.info(), 24, 32);
  auto const all = network.predict_all(input);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(torch::equal(all[0], network.predict(input)));
  EXPECT_EQ(all[1].sizes(), torch::IntArrayRef({1, 2, 6, 8}));
}

TEST(Stfdcnn, overfits_a_patch) {
  torch::manual_seed(3);
  Stfdcnn network({.bands = 2});
  EXPECT_TRUE(testing::overfits(network, {.steps = 500}));
}

TEST(Stfdcnn, is_made_with_its_options) {
  auto const network = make_network(
      "stfdcnn", {.bands = 3},
      {{"stfdcnn.reduction", "2"}, {"stfdcnn.per_band", "true"}, {"stfdcnn.injection", "modulation"}});
  EXPECT_EQ(testing::parameter_count(*network), 114'562);
  EXPECT_EQ(network->info().align_px, 2);
}

}  // namespace
}  // namespace stfcube::nn
