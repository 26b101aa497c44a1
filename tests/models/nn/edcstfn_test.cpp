#include "stfcube/models/nn/networks/edcstfn.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;

TEST(Edcstfn, has_the_parameters_of_the_publication) {
  EXPECT_EQ(testing::parameter_count(Edcstfn({.bands = 6})), 284'134);
  EXPECT_EQ(testing::parameter_count(Edcstfn({.bands = 4})), 281'764);
}

TEST(Edcstfn, gives_the_golden_output) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no golden vectors here";
  auto const golden = testing::golden_network("edcstfn");
  Edcstfn network({.bands = 6});
  testing::fill(network, golden.tensors);
  torch::NoGradGuard const fixed;
  network.eval();
  auto const output = network.forward(golden.inputs.at("coarse_ref"), golden.inputs.at("fine_ref"),
                                      golden.inputs.at("coarse_target"));
  EXPECT_LT(testing::relative_difference(output, golden.outputs.at(0)), 1e-5);
}

TEST(Edcstfn, sees_five_pixels_around) {
  Edcstfn network({.bands = 2, .width = 4});
  EXPECT_EQ(testing::measured_radius(network, 32), network.info().radius_px);
}

TEST(Edcstfn, gradients_are_those_of_differences) {
  Edcstfn one({.bands = 2, .width = 3}), two({.bands = 2, .width = 3, .pairs = 2});
  EXPECT_LT(testing::gradient_error(one, 9, 8), 1e-4);
  EXPECT_LT(testing::gradient_error(two, 9, 8), 1e-4);
}

TEST(Edcstfn, runs_on_odd_sizes) {
  Edcstfn network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Edcstfn, two_equal_references_give_the_result_of_one) {
  torch::NoGradGuard const fixed;
  Edcstfn network({.bands = 3, .width = 4, .pairs = 2});
  auto input = random_input(network.info(), 20, 24);
  input.coarse_after = input.coarse_before;
  input.fine_after = input.fine_before;
  auto const one = network.forward(input.coarse_before, input.fine_before, input.coarse_target);
  EXPECT_LT(testing::relative_difference(network.predict(input), one), 1e-6);
}

TEST(Edcstfn, of_residual_form_begins_with_the_reference) {
  torch::NoGradGuard const fixed;
  Edcstfn network({.bands = 3, .width = 4, .residual = true});
  auto const input = random_input(network.info(), 20, 24);
  EXPECT_TRUE(torch::equal(network.predict(input), input.fine_before));
}

}  // namespace
}  // namespace stfcube::nn
