#include "stfcube/models/nn/networks/rsfn.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

RsfnOptions const local{.bands = 2, .width = 4, .instance = false};
RsfnOptions const whole{.bands = 2, .width = 4};

TEST(Rsfn, has_the_parameters_of_the_specification) {
  Rsfn network({.bands = 6});
  EXPECT_EQ(testing::parameter_count(network), 284'490);
  EXPECT_EQ(testing::parameter_count(*network.make_discriminator()), 1'220'557);
}

TEST(Rsfn, sees_as_far_as_it_says) {
  torch::manual_seed(1);
  Rsfn batch(local), instance(whole);
  EXPECT_EQ(batch.info().path, InferencePath::local);
  EXPECT_EQ(testing::measured_radius(batch, 96), batch.info().radius_px);
  EXPECT_EQ(instance.info().path, InferencePath::scene_statistics);
  EXPECT_EQ(testing::measured_radius_of_held(instance, 96), instance.info().radius_px);
}

TEST(Rsfn, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  for (auto const& options : {local, whole}) {
    Rsfn network(options);
    network.eval();
    auto const scene = testing::random_input(network.info(), 64, 112);
    EXPECT_LT(
        testing::relative_difference(testing::predict_by_blocks(network, scene, 56), network.predict(scene)),
        1e-5);
  }
}

TEST(Rsfn, asks_for_the_statistics_of_each_normalised_map) {
  Rsfn network(whole);
  auto const scene = testing::random_input(network.info(), 32, 32);
  EXPECT_EQ(testing::scene_constants(network, scene, 32).size(), 2u * 7 * 3);
}

TEST(Rsfn, gradients_are_those_of_differences) {
  torch::manual_seed(7);
  for (auto const& options : {local, whole}) {
    Rsfn network(options);
    EXPECT_LT(testing::gradient_error(network, 16, 16), 1e-4);
  }
}

TEST(Rsfn, runs_on_odd_sizes) {
  Rsfn network(whole);
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Rsfn, does_not_care_which_reference_comes_first) {
  torch::NoGradGuard const fixed;
  Rsfn network(whole);
  network.eval();
  auto input = testing::random_input(network.info(), 32, 24);
  auto const prediction = network.predict(input);
  std::swap(input.fine_before, input.fine_after);
  EXPECT_LT(testing::relative_difference(network.predict(input), prediction), 1e-5);
}

TEST(Rsfn, discriminator_scores_parts_of_each_image) {
  Rsfn network(whole);
  auto const input = testing::random_input(network.info(), 128, 128, 2);
  auto const scores = network.make_discriminator()->judge(input.fine_before, input);
  EXPECT_EQ(scores.sizes(), (std::vector<std::int64_t>{2, 4}));
}

TEST(Rsfn, is_made_by_its_name) {
  auto const network = make_network("rsfn", {.bands = 4}, {{"rsfn.norm", "batch"}, {"rsfn.width", "8"}});
  EXPECT_EQ(network->info().path, InferencePath::local);
  EXPECT_EQ(network->info().form, NetworkForm::two_pairs);
}

}  // namespace
}  // namespace stfcube::nn
