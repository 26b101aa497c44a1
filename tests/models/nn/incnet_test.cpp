#include "stfcube/models/nn/networks/incnet.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;

/// A network of which every part has a say.
std::shared_ptr<Incnet> awakened(IncnetOptions const& options) {
  torch::NoGradGuard const fixed;
  auto network = std::make_shared<Incnet>(options);
  for (auto& item : network->named_parameters()) {
    if (item.key().starts_with("last")) item.value().normal_(0, 0.3);
  }
  network->eval();
  return network;
}

NetworkInput permuted(NetworkInput input, std::vector<std::int64_t> const& order) {
  for (auto* const image : {&input.coarse_target, &input.coarse_before, &input.fine_before,
                            &input.coarse_after, &input.fine_after}) {
    *image = image->index_select(1, torch::tensor(order));
  }
  return input;
}

TEST(Incnet, begins_as_the_time_weighted_increment) {
  torch::NoGradGuard const fixed;
  Incnet network({.bands = 3});
  auto const input = random_input(network.info(), 40, 44);
  double const share = 10.0 / 32.0;
  auto const expected = (1 - share) * (input.fine_before + input.coarse_target - input.coarse_before) +
                        share * (input.fine_after + input.coarse_target - input.coarse_after);
  EXPECT_LT((network.predict(input) - expected).abs().max().item<double>(), 1e-6);
}

TEST(Incnet, parameters_do_not_depend_on_the_bands) {
  auto const one = testing::parameter_count(Incnet({.bands = 1})),
             six = testing::parameter_count(Incnet({.bands = 6}));
  EXPECT_EQ(one, six);
  EXPECT_EQ(six, 9 * 10 * 16 + 16 + 7 * (9 * 16 * 16 + 16) + 16 * 16 + 16 + 3 * 16 + 3);
}

TEST(Incnet, sees_as_far_as_it_says) {
  auto const network = awakened({.bands = 2, .width = 4, .window = 7});
  EXPECT_EQ(testing::measured_radius(*network, 96), network->info().radius_px);
}

TEST(Incnet, gradients_are_those_of_differences) {
  auto const network = awakened({.bands = 2, .width = 3, .window = 5});
  EXPECT_LT(testing::gradient_error(*network, 12, 11), 1e-4);
}

TEST(Incnet, runs_on_odd_sizes) {
  EXPECT_TRUE(testing::runs_on_odd_sizes(*awakened({.bands = 3, .width = 4})));
}

TEST(Incnet, order_of_bands_is_that_of_the_output) {
  torch::NoGradGuard const fixed;
  auto const network = awakened({.bands = 3, .width = 8});
  auto const input = random_input(network->info(), 40, 40);
  std::vector<std::int64_t> const order{2, 0, 1};
  auto const expected = network->predict(input).index_select(1, torch::tensor(order));
  EXPECT_LT((network->predict(permuted(input, order)) - expected).abs().max().item<double>(), 1e-5);
}

TEST(Incnet, an_offset_of_a_sensor_does_not_matter) {
  torch::NoGradGuard const fixed;
  auto const network = awakened({.bands = 2, .width = 8});
  auto input = random_input(network->info(), 40, 40);
  auto const expected = network->predict(input);
  for (auto* const image : {&input.coarse_target, &input.coarse_before, &input.coarse_after})
    *image = *image + 0.25;
  EXPECT_LT((network->predict(input) - expected).abs().max().item<double>(), 1e-4);
}

TEST(Incnet, one_pair_on_both_sides_is_a_prediction_from_it) {
  torch::NoGradGuard const fixed;
  Incnet network({.bands = 2});
  auto input = random_input(network.info(), 40, 40);
  input.fine_after = input.fine_before;
  input.coarse_after = input.coarse_before;
  input.days_after = torch::zeros_like(input.days_after);
  auto const expected = input.fine_before + input.coarse_target - input.coarse_before;
  EXPECT_LT((network.predict(input) - expected).abs().max().item<double>(), 1e-6);
}

}  // namespace
}  // namespace stfcube::nn
