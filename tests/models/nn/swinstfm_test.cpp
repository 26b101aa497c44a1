#include "stfcube/models/nn/networks/swinstfm.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;

NetworkInput patches(NetworkInput const& input, torch::Tensor const& order) {
  NetworkInput chosen;
  chosen.coarse_before = input.coarse_before.index_select(0, order);
  chosen.fine_before = input.fine_before.index_select(0, order);
  chosen.coarse_target = input.coarse_target.index_select(0, order);
  return chosen;
}

TEST(Swinstfm, has_the_parameters_of_the_publication) {
  EXPECT_EQ(testing::parameter_count(Swinstfm({.bands = 6})), 37'535'290);
}

TEST(Swinstfm, gives_the_golden_output) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no golden vectors here";
  auto const golden = testing::golden_network("swinstfm");
  Swinstfm network({.bands = 6});
  testing::fill(network, golden.tensors);
  torch::NoGradGuard const fixed;
  network.eval();
  auto const output = network.forward(golden.inputs.at("coarse_ref"), golden.inputs.at("fine_ref"),
                                      golden.inputs.at("coarse_target"));
  EXPECT_LT(testing::relative_difference(output, golden.outputs.at(0)), 1e-4);
}

TEST(Swinstfm, gradients_are_those_of_differences) {
  Swinstfm published({.bands = 1, .width = 6, .patch = 64});
  Swinstfm plain({.bands = 1, .width = 6, .patch = 32, .fusion = SwinstfmFusion::plain});
  EXPECT_LT(testing::directional_gradient_error(published, 64, 64), 1e-4);
  EXPECT_LT(testing::directional_gradient_error(plain, 32, 32), 1e-4);
}

TEST(Swinstfm, gives_each_patch_of_a_batch_its_own_result) {
  torch::NoGradGuard const fixed;
  for (auto const fusion : {SwinstfmFusion::published, SwinstfmFusion::plain}) {
    Swinstfm network({.bands = 2, .width = 4, .patch = 64, .fusion = fusion});
    network.eval();
    auto const input = random_input(network.info(), 64, 64, 3);
    auto const all = network.predict(input);
    auto const order = torch::tensor({2, 0});
    EXPECT_LT(
        testing::relative_difference(network.predict(patches(input, order)), all.index_select(0, order)),
        1e-5);
  }
}

TEST(Swinstfm, fusions_differ) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(1);
  Swinstfm published({.bands = 2, .width = 4, .patch = 32});
  torch::manual_seed(1);
  Swinstfm plain({.bands = 2, .width = 4, .patch = 32, .fusion = SwinstfmFusion::plain});
  auto const input = random_input(plain.info(), 32, 32);
  EXPECT_GT(testing::relative_difference(published.predict(input), plain.predict(input)), 1e-5);
}

TEST(Swinstfm, refuses_patches_of_another_size) {
  Swinstfm network({.bands = 2, .width = 4, .patch = 32});
  EXPECT_THROW(network.predict(random_input(network.info(), 64, 64)), Error);
}

TEST(Swinstfm, overfits_a_patch) {
  torch::manual_seed(3);
  Swinstfm network({.bands = 2, .width = 8, .patch = 32});
  EXPECT_TRUE(testing::overfits(network));
}

TEST(Swinstfm, is_made_with_its_options) {
  auto const made = [](std::map<std::string, std::string> const& options) {
    return make_network("swinstfm", {.bands = 2}, options);
  };
  auto const network =
      made({{"swinstfm.width", "4"}, {"swinstfm.patch", "64"}, {"swinstfm.fusion", "plain"}});
  EXPECT_EQ(network->info().patch_px, 64);
  EXPECT_EQ(network->info().stride_px, 32);
  EXPECT_EQ(testing::parameter_count(*network),
            testing::parameter_count(Swinstfm({.bands = 2, .width = 4, .patch = 64})));
  EXPECT_THROW(made({{"swinstfm.patch", "96"}}), Error);
  EXPECT_THROW(made({{"swinstfm.width", "5"}}), Error);
  EXPECT_THROW(made({{"swinstfm.fusion", "none"}}), Error);
}

TEST(SwinWindows, split_and_join_are_inverse) {
  auto const map = torch::rand({2, 16 * 16, 3});
  for (bool const shifted : {false, true}) {
    SwinWindows const windows(16, 8, shifted);
    auto const split = windows.split(map);
    EXPECT_EQ(split.sizes(), torch::IntArrayRef({8, 64, 3}));
    EXPECT_TRUE(torch::equal(windows.join(split), map));
  }
}

TEST(SwinWindows, shifted_ones_keep_apart_what_the_wrap_brings_together) {
  SwinWindows const windows(16, 8, true);
  auto const q = torch::zeros({4, 1, 64, 5}), table = torch::zeros({windows.places(), 1});
  auto const logits = windows.logits(q, q, table);
  EXPECT_EQ(logits[0].abs().max().item<float>(), 0);   // the first window does not wrap
  EXPECT_EQ(logits[3][0][0][63].item<float>(), -100);  // the last one wraps in rows and columns
  EXPECT_EQ(logits[3][0][0][9].item<float>(), 0);
}

TEST(SwinWindows, of_a_small_map_is_one_unshifted_window) {
  SwinWindows const windows(4, 8, true);
  EXPECT_FALSE(windows.shifted());
  EXPECT_EQ(windows.count(), 1);
  EXPECT_EQ(windows.tokens(), 16);
  EXPECT_EQ(windows.places(), 49);
}

TEST(SwinWindows, bias_depends_on_the_relative_place) {
  SwinWindows const windows(4, 4, false);
  auto const q = torch::zeros({1, 1, 16, 2}), table = torch::arange(49.0).unsqueeze(1);
  auto const logits = windows.logits(q, q, table)[0][0];
  // (row 1, column 2) seen from (row 3, column 0): 2 down, 2 to the left
  EXPECT_EQ(logits[12][6].item<float>(), (2 + 3) * 7 + (-2 + 3));
  EXPECT_EQ(logits[0][0].item<float>(), 3 * 7 + 3);
}

}  // namespace
}  // namespace stfcube::nn
