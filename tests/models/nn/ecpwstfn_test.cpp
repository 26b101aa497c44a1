#include "stfcube/models/nn/networks/ecpwstfn.hpp"

#include <gtest/gtest.h>

#include "stfcube/models/nn/layers/haar.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

EcpwstfnOptions const small{.bands = 2, .width = 16, .channel_gates = false};

TEST(Haar, of_a_cell_is_its_mean_and_details_and_back) {
  torch::Tensor const cell = torch::tensor({1.0, 2.0, 3.0, 6.0}).view({1, 1, 2, 2});
  auto const bands = haar_analysis(cell);
  EXPECT_EQ(bands[0].item<double>(), 6.0);
  EXPECT_EQ(bands[1].item<double>(), -3.0);
  EXPECT_EQ(bands[2].item<double>(), -2.0);
  EXPECT_EQ(bands[3].item<double>(), 1.0);
  torch::Tensor const map = torch::rand({2, 3, 6, 8});
  EXPECT_LT(testing::relative_difference(haar_synthesis(haar_analysis(map)), map), 1e-6);
}

TEST(Ecpwstfn, has_the_parameters_of_the_publication) {
  EXPECT_EQ(testing::parameter_count(Ecpwstfn({.bands = 6})), 471'954);
  EXPECT_EQ(testing::parameter_count(Ecpwstfn({.bands = 4})), 469'518);
}

TEST(Ecpwstfn, gives_the_golden_output) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no golden vectors here";
  auto const golden = testing::golden_network("ecpwstfn");
  Ecpwstfn network({.bands = 6});
  testing::fill(network, golden.tensors);
  torch::NoGradGuard const fixed;
  network.eval();
  auto const output = network.forward(golden.inputs.at("fine_ref"), golden.inputs.at("coarse_target"));
  EXPECT_LT(testing::relative_difference(output, golden.outputs.at(0)), 1e-5);
}

TEST(Ecpwstfn, sees_as_far_as_it_says) {
  Ecpwstfn local(small), whole({.bands = 2, .width = 16});
  EXPECT_EQ(local.info().path, InferencePath::local);
  EXPECT_EQ(testing::measured_radius(local, 64), local.info().radius_px);
  EXPECT_EQ(whole.info().path, InferencePath::scene_statistics);
  EXPECT_EQ(testing::measured_radius_of_held(whole, 64), whole.info().radius_px);
}

TEST(Ecpwstfn, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  for (bool const gates : {true, false}) {
    Ecpwstfn network({.bands = 2, .width = 16, .channel_gates = gates});
    network.eval();
    auto const scene = testing::random_input(network.info(), 64, 96);
    EXPECT_LT(
        testing::relative_difference(testing::predict_by_blocks(network, scene, 32), network.predict(scene)),
        1e-5);
  }
}

TEST(Ecpwstfn, gradients_are_those_of_differences) {
  torch::manual_seed(7);
  Ecpwstfn network({.bands = 2, .width = 16});
  EXPECT_LT(testing::gradient_error(network, 9, 8), 1e-4);
}

TEST(Ecpwstfn, runs_on_odd_sizes) {
  Ecpwstfn network(small);
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Ecpwstfn, encoders_learn_unless_the_wavelet_is_detached) {
  for (bool const detached : {false, true}) {
    Ecpwstfn network({.bands = 2, .width = 16, .detach_wavelet = detached});
    network.predict(testing::random_input(network.info(), 8, 8)).sum().backward();
    auto const gradient = network.named_parameters()["Landsat_encoder.0.1.weight"].grad();
    EXPECT_EQ(gradient.defined() && gradient.norm().item<double>() > 0, !detached);
  }
}

TEST(Ecpwstfn, is_made_by_its_name) {
  auto const network = make_network(
      "ecpwstfn", {.bands = 4},
      {{"ecpwstfn.gates", "spatial"}, {"ecpwstfn.width", "16"}, {"ecpwstfn.detach_wavelet", "on"}});
  EXPECT_EQ(network->info().path, InferencePath::local);
  EXPECT_EQ(network->info().bands, 4);
}

}  // namespace
}  // namespace stfcube::nn
