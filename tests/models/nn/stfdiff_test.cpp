#include "stfcube/models/nn/networks/stfdiff.hpp"

#include <gtest/gtest.h>

#include "stfcube/models/nn/diffusion.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;

TEST(Stfdiff, has_the_parameters_of_the_publication) {
  EXPECT_EQ(testing::parameter_count(Stfdiff({.bands = 6})), 7'482'054);
  EXPECT_EQ(testing::parameter_count(Stfdiff({.bands = 6, .pairs = 2})), 7'488'966);
  EXPECT_EQ(testing::parameter_count(Stfdiff({.bands = 6, .norm = StfdiffNorm::batch})), 7'482'054);
}

TEST(Stfdiff, gives_the_golden_output) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no golden vectors here";
  auto const golden = testing::golden_network("stfdiff");
  Stfdiff network({.bands = 6});
  testing::fill(network, golden.tensors);
  torch::NoGradGuard const fixed;
  network.eval();
  auto const output =
      network.forward(torch::cat({golden.inputs.at("coarse_ref"), golden.inputs.at("coarse_target")}, 1),
                      golden.inputs.at("fine_ref"), golden.inputs.at("noisy_fine"), torch::tensor({37}));
  EXPECT_LT(testing::relative_difference(output, golden.outputs.at(0)), 1e-5);
}

TEST(Stfdiff, with_constant_norms_sees_53_pixels_around) {
  Stfdiff network({.bands = 1, .width = 8, .norm = StfdiffNorm::batch});
  EXPECT_EQ(testing::measured_radius(network, 128), network.info().radius_px);
}

TEST(Stfdiff, gradients_are_those_of_differences) {
  Stfdiff one({.bands = 1, .width = 8}), two({.bands = 1, .width = 8, .pairs = 2}),
      batch({.bands = 1, .width = 8, .norm = StfdiffNorm::batch});
  EXPECT_LT(testing::gradient_error(one, 8, 12), 1e-4);
  EXPECT_LT(testing::gradient_error(two, 8, 8), 1e-4);
  EXPECT_LT(testing::gradient_error(batch, 8, 8), 1e-4);
}

TEST(Stfdiff, runs_on_odd_sizes) {
  Stfdiff network({.bands = 2, .width = 8});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Stfdiff, reads_the_step_of_each_patch) {
  torch::NoGradGuard const fixed;
  Stfdiff network({.bands = 1, .width = 8});
  network.eval();
  auto input = random_input(network.info(), 16, 16, 2);
  input.step = torch::tensor({10, 90});
  auto const both = network.predict(input);
  input.step = torch::tensor({10, 10});
  auto const same = network.predict(input);
  EXPECT_LT(testing::relative_difference(same[0], both[0]), 1e-5);
  EXPECT_GT(testing::relative_difference(same[1], both[1]), 1e-4);
}

TEST(Stfdiff, samples_an_image_in_steps) {
  torch::NoGradGuard const fixed;
  Stfdiff network({.bands = 2, .width = 8});
  network.eval();
  auto input = random_input(network.info(), 16, 16);
  torch::manual_seed(1);
  auto const image = sample(
      cosine_schedule(network.info().steps), {.steps = 3, .eta = 1},
      [&](torch::Tensor const& noisy, int step) {
        input.noisy = noisy;
        input.step = torch::tensor({step});
        return network.predict(input);
      },
      [&](int) {
        return torch::randn({1, 2, 16, 16});
      });
  EXPECT_TRUE(torch::isfinite(image).all().item<bool>());
  EXPECT_LE(image.abs().max().item<float>(), 1);
}

TEST(Stfdiff, overfits_a_patch) {
  torch::manual_seed(3);
  Stfdiff network({.bands = 2, .width = 8});
  EXPECT_TRUE(testing::overfits(network));
}

TEST(Stfdiff, is_made_with_its_options) {
  auto const made = [](std::map<std::string, std::string> const& options) {
    return make_network("stfdiff", {.bands = 2}, options);
  };
  auto const network = made({{"stfdiff.width", "16"}, {"stfdiff.pairs", "2"}, {"stfdiff.norm", "batch"}});
  EXPECT_EQ(testing::parameter_count(*network),
            testing::parameter_count(Stfdiff({.bands = 2, .width = 16, .pairs = 2})));
  EXPECT_EQ(network->info().form, NetworkForm::two_pairs);
  EXPECT_TRUE(network->named_buffers().contains("noise_ups.0.0.norm_1.running_mean"));
  EXPECT_THROW(made({{"stfdiff.width", "12"}}), Error);
}

}  // namespace
}  // namespace stfcube::nn
