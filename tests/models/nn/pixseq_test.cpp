#include "stfcube/models/nn/networks/pixseq.hpp"

#include <gtest/gtest.h>

#include "stfcube/models/nn/layers/series_baseline.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;
using testing::relative_difference;
using torch::Tensor;

/// A network whose last layer does not start at zero.
std::shared_ptr<Pixseq> trained(PixseqOptions const& options) {
  auto const network = std::make_shared<Pixseq>(options);
  torch::NoGradGuard const fixed;
  for (auto& item : network->named_parameters()) {
    if (item.key().starts_with("head.2")) item.value().normal_();
  }
  network->eval();
  return network;
}

/// Some dates of some pixels without a fine, a coarse or any observation.
NetworkInput with_gaps(NetworkInput input) {
  torch::manual_seed(5);
  input.fine_series_valid = (torch::rand(input.fine_series_valid.sizes()) > 0.5).to(torch::kFloat32);
  input.coarse_series_valid = (torch::rand(input.coarse_series_valid.sizes()) > 0.3).to(torch::kFloat32);
  input.fine_series = input.fine_series * input.fine_series_valid;
  return input;
}

NetworkInput dates(NetworkInput const& input, Tensor const& kept) {
  NetworkInput chosen;
  chosen.coarse_series = input.coarse_series.index_select(1, kept);
  chosen.fine_series = input.fine_series.index_select(1, kept);
  chosen.coarse_series_valid = input.coarse_series_valid.index_select(1, kept);
  chosen.fine_series_valid = input.fine_series_valid.index_select(1, kept);
  chosen.days = input.days.index_select(1, kept);
  chosen.day_of_year = input.day_of_year.index_select(1, kept);
  return chosen;
}

TEST(Pixseq, has_the_parameters_of_its_table) {
  EXPECT_EQ(testing::parameter_count(Pixseq({.bands = 6})), 175'430);
  EXPECT_EQ(testing::parameter_count(Pixseq({.bands = 6, .learned_spans = true})), 175'434);
}

TEST(Pixseq, sees_single_pixels) {
  auto const network = trained({.bands = 2, .hidden = 4});
  EXPECT_EQ(testing::measured_radius(*network, 7), network->info().radius_px);
}

TEST(Pixseq, gradients_are_those_of_differences) {
  EXPECT_LT(testing::gradient_error(*trained({.bands = 2, .hidden = 2}), 3, 2), 1e-4);
  EXPECT_LT(testing::gradient_error(*trained({.bands = 1, .hidden = 2, .learned_spans = true}), 2, 2), 1e-4);
}

TEST(Pixseq, runs_on_odd_sizes) {
  EXPECT_TRUE(testing::runs_on_odd_sizes(*trained({.bands = 2, .hidden = 4})));
}

TEST(Pixseq, a_date_without_observations_is_as_if_it_were_not_there) {
  torch::NoGradGuard const fixed;
  auto const network = trained({.bands = 2, .hidden = 8, .learned_spans = true});
  auto input = with_gaps(random_input(network->info(), 4, 5));
  input.fine_series_valid.select(1, 2).zero_();
  input.coarse_series_valid.select(1, 2).zero_();
  auto const kept = torch::tensor({0, 1, 3, 4});
  EXPECT_LT(relative_difference(network->predict(dates(input, kept)),
                                network->predict(input).index_select(1, kept)),
            1e-5);
}

TEST(Pixseq, pixels_keep_their_place) {
  torch::NoGradGuard const fixed;
  auto const network = trained({.bands = 2, .hidden = 8});
  auto const input = with_gaps(random_input(network->info(), 33, 40, 2));
  auto mirrored = input;
  for (Tensor* const series : {&mirrored.coarse_series, &mirrored.fine_series, &mirrored.coarse_series_valid,
                               &mirrored.fine_series_valid})
    *series = series->flip({-1, -2});
  EXPECT_LT(relative_difference(network->predict(mirrored).flip({-1, -2}), network->predict(input)), 1e-5);
}

TEST(Pixseq, begins_with_the_line_between_clear_observations) {
  torch::NoGradGuard const fixed;
  Pixseq network({.bands = 2, .hidden = 4});
  auto input = random_input(network.info(), 4, 4);
  auto const slope = (input.days / 100).reshape({1, -1, 1, 1, 1});
  auto const truth = input.coarse_series + 0.3 - 0.2 * slope;
  input.fine_series = truth.clone();
  input.fine_series_valid.select(1, 1).zero_();
  input.fine_series_valid.select(1, 2).zero_();
  input.fine_series = input.fine_series * input.fine_series_valid;
  EXPECT_LT(relative_difference(network.predict(input), truth), 1e-5);
}

TEST(Pixseq, without_any_observation_gives_the_coarse_series) {
  torch::NoGradGuard const fixed;
  Pixseq network({.bands = 2, .hidden = 4});
  auto input = random_input(network.info(), 3, 3);
  input.fine_series_valid.zero_();
  input.coarse_series_valid.zero_();
  EXPECT_TRUE(torch::equal(network.predict(input), input.coarse_series));
}

TEST(Pixseq, overfits_a_patch) {
  torch::manual_seed(3);
  Pixseq network({.bands = 3, .hidden = 64});
  EXPECT_TRUE(
      testing::overfits(network, {.size = 8, .ratio = 4, .steps = 2000, .learning_rate = 5e-3}));
}

TEST(Pixseq, is_made_with_its_options) {
  auto const network =
      make_network("pixseq", {.bands = 3}, {{"pixseq.hidden", "6"}, {"pixseq.learned_spans", "true"}});
  EXPECT_EQ(testing::parameter_count(*network),
            testing::parameter_count(Pixseq({.bands = 3, .hidden = 6, .learned_spans = true})));
  EXPECT_THROW(make_network("pixseq", {.bands = 3}, {{"pixseq.hidden", "5"}}), Error);
}

TEST(MaskedLstm, is_the_usual_one_where_all_steps_are_valid) {
  torch::NoGradGuard const fixed;
  torch::nn::LSTM usual(torch::nn::LSTMOptions(3, 4).num_layers(2).bidirectional(true));
  MaskedLstm masked(3, 4, 2);
  auto theirs = usual->named_parameters();
  ASSERT_EQ(theirs.size(), masked->named_parameters().size());
  for (auto& item : masked->named_parameters()) item.value().copy_(theirs[item.key()]);
  auto const series = torch::rand({5, 7, 3});
  auto const expected = std::get<0>(usual->forward(series));
  auto const found = masked->forward(series, torch::ones({5, 7, 1}, torch::kBool));
  EXPECT_LT((found - expected).abs().max().item<float>(), 1e-6);
}

TEST(SeriesBaseline, is_constant_outside_and_linear_inside) {
  auto const coarse = torch::tensor({1.0, 2.0, 3.0, 4.0, 5.0}).reshape({5, 1, 1});
  auto const fine = coarse + torch::tensor({9.0, 1.0, 9.0, 2.0, 9.0}).reshape({5, 1, 1});
  auto const valid = torch::tensor({false, true, false, true, false}).reshape({5, 1});
  auto const days = torch::tensor({0.0, 10.0, 15.0, 30.0, 40.0});
  auto const result = series_baseline(fine, coarse, valid, days) - coarse;
  auto const expected = torch::tensor({1.0, 1.0, 1.25, 2.0, 2.0}).reshape({5, 1, 1});
  EXPECT_LT((result - expected).abs().max().item<float>(), 1e-6);
}

}  // namespace
}  // namespace stfcube::nn
