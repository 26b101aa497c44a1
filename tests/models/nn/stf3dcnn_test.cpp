#include "stfcube/models/nn/networks/stf3dcnn.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

/// Only the first and the last fine image are observed, the last one in the left half alone.
NetworkInput sparse(NetworkInput input) {
  input.fine_series_valid = torch::zeros_like(input.fine_series_valid);
  input.fine_series_valid.select(1, 0).fill_(1);
  std::int64_t const last = input.fine_series_valid.size(1) - 1, width = input.fine_series_valid.size(-1);
  input.fine_series_valid.select(1, last).narrow(-1, 0, width / 2).fill_(1);
  return input;
}

/// The same network where most fine images are missing.
class Sparse : public Network {
 public:
  explicit Sparse(Stf3dcnnOptions const& options) {
    network_ = register_module("network", std::make_shared<Stf3dcnn>(options));
  }

  NetworkInfo const& info() const override { return network_->info(); }
  Tensor predict(NetworkInput const& input) override { return network_->predict(sparse(input)); }

 private:
  std::shared_ptr<Stf3dcnn> network_;
};

void zero_biases(Network& network) {
  torch::NoGradGuard const fixed;
  for (auto& item : network.named_parameters()) {
    if (item.key().ends_with("bias")) item.value().zero_();
  }
}

TEST(Stf3dcnn, has_the_parameters_of_the_reading) {
  EXPECT_EQ(testing::parameter_count(Stf3dcnn({.bands = 6})), 121'126);
  EXPECT_EQ(testing::parameter_count(Stf3dcnn({.bands = 6, .mask_channel = true})), 121'126 + 27 * 32);
  EXPECT_EQ(testing::parameter_count(Stf3dcnn({.bands = 6, .spectral = true})), 112'481);
}

TEST(Stf3dcnn, sees_six_pixels_around) {
  for (bool const spectral : {false, true}) {
    Sparse network({.bands = 2, .width = 3, .spectral = spectral});
    EXPECT_EQ(testing::measured_radius(network, 32), 6);
    EXPECT_EQ(network.info().radius_px, 6);
  }
}

TEST(Stf3dcnn, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  Stf3dcnn network({.bands = 2, .width = 3, .mask_channel = true});
  auto const scene = sparse(testing::random_input(network.info(), 40, 33));
  EXPECT_LT(
      testing::relative_difference(testing::predict_by_blocks(network, scene, 16), network.predict(scene)),
      1e-5);
}

TEST(Stf3dcnn, gradients_are_those_of_differences) {
  for (bool const spectral : {false, true}) {
    Sparse network({.bands = 2, .width = 3, .spectral = spectral, .mask_channel = true});
    EXPECT_LT(testing::gradient_error(network, 7, 8), 1e-4);
  }
}

TEST(Stf3dcnn, runs_on_odd_sizes) {
  Sparse network({.bands = 2, .width = 3});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Stf3dcnn, without_coarse_changes_and_biases_sees_no_change) {
  torch::NoGradGuard const fixed;
  Stf3dcnn network({.bands = 2, .width = 3});
  zero_biases(network);
  auto input = sparse(testing::random_input(network.info(), 8, 8));
  input.coarse_series = input.coarse_series.select(1, 0).unsqueeze(1).expand_as(input.coarse_series).clone();
  Tensor const prediction = network.predict(input);
  EXPECT_TRUE(torch::allclose(prediction.select(1, 2).narrow(-1, 4, 4),
                              input.fine_series.select(1, 0).narrow(-1, 4, 4)))
      << "where the first date alone is observed";
  Tensor const middle = (input.fine_series.select(1, 0) + input.fine_series.select(1, 4)) / 2;
  EXPECT_TRUE(torch::allclose(prediction.select(1, 2).narrow(-1, 0, 4), middle.narrow(-1, 0, 4)));
}

TEST(Stf3dcnn, follows_the_dates_away_from_the_ends) {
  torch::NoGradGuard const fixed;
  Stf3dcnn network({.bands = 2, .width = 3, .layers = 2});
  Tensor const changes = torch::randn({1, 9, 2, 6, 6}), observed = torch::ones({1, 9, 1, 6, 6});
  Tensor const later = network.forward(changes.roll(1, 1), observed);
  EXPECT_LT(
      testing::relative_difference(later.narrow(1, 3, 4), network.forward(changes, observed).narrow(1, 2, 4)),
      1e-5);
}

TEST(Stf3dcnn, keeps_what_was_observed_and_fills_the_rest) {
  torch::NoGradGuard const fixed;
  Stf3dcnn network({.bands = 2, .width = 3});
  auto input = sparse(testing::random_input(network.info(), 8, 8));
  Tensor const prediction = network.predict(input);
  EXPECT_TRUE(torch::equal(prediction.select(1, 0), input.fine_series.select(1, 0)));
  input.fine_series_valid.zero_();
  EXPECT_TRUE(torch::equal(network.predict(input), input.coarse_series));
}

TEST(Stf3dcnn, is_told_what_was_observed_where_it_asks) {
  torch::NoGradGuard const fixed;
  for (bool const asks : {true, false}) {
    Stf3dcnn network({.bands = 2, .width = 3, .mask_channel = asks});
    auto input = sparse(testing::random_input(network.info(), 8, 8));
    Tensor const before = network.predict(input);
    input.coarse_series_valid.select(1, 2).zero_();
    EXPECT_EQ(torch::equal(network.predict(input), before), !asks);
  }
}

TEST(Stf3dcnn, is_made_by_its_name) {
  auto const network = make_network("stf3dcnn", {.bands = 4},
                                    {{"stf3dcnn.axis", "spectral"},
                                     {"stf3dcnn.mask_channel", "on"},
                                     {"stf3dcnn.layers", "3"},
                                     {"stf3dcnn.width", "5"}});
  EXPECT_EQ(network->info().radius_px, 3);
  EXPECT_EQ(testing::parameter_count(*network), (2 * 27 + 1) * 5 + (5 * 27 + 1) * 5 + 5 * 27 + 1);
}

}  // namespace
}  // namespace stfcube::nn
