#include "stfcube/models/nn/networks/ganstfm.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

TEST(Ganstfm, has_the_parameters_of_the_publication) {
  Ganstfm network({.bands = 6});
  EXPECT_EQ(testing::parameter_count(network), 578'130);
  EXPECT_EQ(testing::parameter_count(*network.make_discriminator()), 3'665'959);
}

TEST(Ganstfm, gives_the_golden_output) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no golden vectors here";
  auto const golden = testing::golden_network("ganstfm");
  Ganstfm network({.bands = 6});
  testing::fill(network, golden.tensors);
  torch::NoGradGuard const fixed;
  network.eval();
  // The vector was made with the reference date's coarse image in the stream of the target's.
  auto const output = network.forward(golden.inputs.at("coarse_ref"), golden.inputs.at("fine_ref"));
  EXPECT_LT(testing::relative_difference(output, golden.outputs.at(0)), 1e-5);
}

TEST(Ganstfm, sees_eight_pixels_around) {
  Ganstfm local({.bands = 2, .width = 2, .switchable = false}), whole({.bands = 2, .width = 2});
  EXPECT_EQ(local.info().path, InferencePath::local);
  EXPECT_EQ(testing::measured_radius(local, 32), local.info().radius_px);
  EXPECT_EQ(whole.info().path, InferencePath::scene_statistics);
  EXPECT_EQ(testing::measured_radius_of_held(whole, 32), whole.info().radius_px);
}

TEST(Ganstfm, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  for (bool const switchable : {true, false}) {
    Ganstfm network({.bands = 2, .width = 4, .switchable = switchable});
    network.eval();
    auto const scene = testing::random_input(network.info(), 40, 48);
    EXPECT_LT(
        testing::relative_difference(testing::predict_by_blocks(network, scene, 16), network.predict(scene)),
        1e-5);
  }
}

TEST(Ganstfm, gradients_are_those_of_differences) {
  torch::manual_seed(7);
  Ganstfm network({.bands = 2, .width = 2}), batch({.bands = 2, .width = 2, .switchable = false});
  EXPECT_LT(testing::gradient_error(network, 9, 8), 1e-4);
  EXPECT_LT(testing::gradient_error(batch, 9, 8), 1e-4);
}

TEST(Ganstfm, runs_on_odd_sizes) {
  Ganstfm network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Ganstfm, follows_the_batch_in_training_and_not_in_evaluation) {
  torch::NoGradGuard const fixed;
  Ganstfm network({.bands = 2, .width = 2});
  auto const buffer = [&] { return network.named_buffers()["encoder.0.residual.0.running_var"].clone(); };
  auto const input = testing::random_input(network.info(), 16, 16, 3);
  auto const before = buffer();
  network.eval();
  network.predict(input);
  EXPECT_TRUE(torch::equal(buffer(), before));
  network.train();
  network.predict(input);
  auto const batch = input.fine_before.var({2, 3}, true) + input.fine_before.mean({2, 3}).square();
  auto const expected = 0.1 * (batch.mean(0) - input.fine_before.mean({0, 2, 3}).square());
  EXPECT_TRUE(torch::allclose(buffer().flatten(), expected, 1e-4));
}

TEST(Ganstfm, discriminator_scores_each_sample_at_each_scale) {
  Ganstfm network({.bands = 2, .width = 2});
  auto const discriminator = network.make_discriminator();
  auto const input = testing::random_input(network.info(), 64, 64, 2);
  auto const scores = discriminator->judge(input.fine_before, input);
  EXPECT_EQ(scores.sizes(), (std::vector<std::int64_t>{2, 3}));
  auto const again = discriminator->judge(input.fine_before, input);
  (scores.sum() + again.sum()).backward();
  for (auto const& item : discriminator->named_parameters()) EXPECT_TRUE(item.value().grad().defined());
}

TEST(Ganstfm, is_made_by_its_name) {
  auto const made = [](char const* norm) {
    return make_network("ganstfm", {.bands = 4}, {{"ganstfm.norm", norm}, {"ganstfm.width", "3"}});
  };
  EXPECT_EQ(made("switch")->info().path, InferencePath::scene_statistics);
  EXPECT_EQ(testing::parameter_count(*made("switch")) - testing::parameter_count(*made("batch")), 8 * 6);
}

}  // namespace
}  // namespace stfcube::nn
