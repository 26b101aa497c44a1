#include "stfcube/models/nn/networks/convlstm.hpp"

#include <utility>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;
using testing::relative_difference;
using torch::Tensor;

std::int64_t cell_parameters(int in, int channels, bool peepholes) {
  return testing::parameter_count(*ConvLstmCell(in, channels, peepholes));
}

TEST(Convlstm, has_the_parameters_of_its_table) {
  EXPECT_EQ(testing::parameter_count(Convlstm({.bands = 6})), 179'942);
  EXPECT_EQ(testing::parameter_count(Convlstm({.bands = 6, .coarse_mask = true})), 179'942 + 9 * 32);
  EXPECT_EQ(testing::parameter_count(Convlstm({.bands = 6, .peepholes = true})), 179'942 + 2 * 3 * 32);
  EXPECT_EQ(cell_parameters(6, 32, false), 43'904);
  EXPECT_EQ(cell_parameters(6, 64, false), 161'536);
  EXPECT_EQ(cell_parameters(64, 64, false), 295'168);
  EXPECT_EQ(cell_parameters(64, 64, true), 295'168 + 192);
}

TEST(Convlstm, sees_three_pixels_and_one_more_for_each_other_date) {
  Convlstm network({.bands = 1, .hidden = 4, .dates = 5, .residual = false});
  EXPECT_EQ(testing::measured_radius(network, 24), network.info().radius_px);
  EXPECT_EQ(Convlstm({.dates = 16}).info().radius_px, 18);
}

TEST(Convlstm, gradients_are_those_of_differences) {
  Convlstm plain({.bands = 1, .hidden = 2, .residual = false});
  Convlstm full({.bands = 1, .hidden = 2, .residual = false, .peepholes = true, .coarse_mask = true});
  EXPECT_LT(testing::gradient_error(plain, 5, 4), 1e-4);
  EXPECT_LT(testing::gradient_error(full, 5, 4), 1e-4);
}

TEST(Convlstm, runs_on_odd_sizes) {
  Convlstm network({.bands = 2, .hidden = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Convlstm, of_residual_form_begins_with_the_coarse_series) {
  torch::NoGradGuard const fixed;
  Convlstm network({.bands = 2, .hidden = 4});
  auto const input = random_input(network.info(), 8, 9);
  EXPECT_TRUE(torch::equal(network.predict(input), input.coarse_series));
}

TEST(Convlstm, reversed_time_with_swapped_cells_gives_the_reversed_series) {
  torch::NoGradGuard const fixed;
  int const n = 3;
  Convlstm network({.bands = 2, .hidden = n, .residual = false, .peepholes = true});
  for (auto& parameter : network.parameters()) parameter.uniform_(-0.3, 0.3);
  auto input = random_input(network.info(), 8, 9);
  auto const expected = network.predict(input).flip({1});
  auto named = network.named_parameters();
  for (auto& item : named) {
    if (!item.key().starts_with("forwards.")) continue;
    Tensor const other = named["backwards." + item.key().substr(9)], kept = item.value().clone();
    item.value().copy_(other);
    other.copy_(kept);
  }
  Tensor head = named["head.0.weight"];
  Tensor const kept = head.clone();
  head.slice(1, 0, n).copy_(kept.slice(1, n, 2 * n));
  head.slice(1, n, 2 * n).copy_(kept.slice(1, 0, n));
  for (Tensor* const series : {&input.coarse_series, &input.fine_series, &input.coarse_series_valid,
                               &input.fine_series_valid, &input.day_of_year})
    *series = series->flip({1});
  EXPECT_LT(relative_difference(network.predict(input), expected), 1e-5);
}

TEST(Convlstm, reads_the_mask_of_the_coarse_series_only_where_asked) {
  torch::NoGradGuard const fixed;
  for (bool const asked : {false, true}) {
    Convlstm network({.bands = 2, .hidden = 4, .residual = false, .coarse_mask = asked});
    auto input = random_input(network.info(), 8, 9);
    auto const before = network.predict(input);
    input.coarse_series_valid = torch::zeros_like(input.coarse_series_valid);
    EXPECT_EQ(torch::equal(network.predict(input), before), !asked);
  }
}

TEST(Convlstm, refuses_longer_series_than_its_option_says) {
  Convlstm network({.bands = 2, .hidden = 4, .dates = 4});
  EXPECT_THROW(network.predict(random_input(network.info(), 8, 8)), Error);
}

TEST(Convlstm, overfits_a_patch) {
  torch::manual_seed(3);
  Convlstm network({.bands = 2, .hidden = 32});
  EXPECT_TRUE(
      testing::overfits(network, {.size = 8, .ratio = 4, .steps = 600, .learning_rate = 5e-3}));
}

TEST(Convlstm, is_made_with_its_options) {
  auto const network = make_network("convlstm", {.bands = 2},
                                    {{"convlstm.hidden", "5"},
                                     {"convlstm.dates", "30"},
                                     {"convlstm.residual", "false"},
                                     {"convlstm.peepholes", "true"},
                                     {"convlstm.coarse_mask", "true"}});
  Convlstm const expected({.bands = 2, .hidden = 5, .peepholes = true, .coarse_mask = true});
  EXPECT_EQ(testing::parameter_count(*network), testing::parameter_count(expected));
  EXPECT_EQ(network->info().radius_px, 32);
  torch::NoGradGuard const fixed;
  auto const input = random_input(network->info(), 8, 8);
  EXPECT_FALSE(torch::equal(network->predict(input), input.coarse_series));
}

}  // namespace
}  // namespace stfcube::nn
