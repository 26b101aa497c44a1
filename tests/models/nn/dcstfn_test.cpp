#include "stfcube/models/nn/networks/dcstfn.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::random_input;

TEST(Dcstfn, has_the_parameters_of_the_publication) {
  EXPECT_EQ(testing::parameter_count(Dcstfn({.bands = 6})), 412'006);
  EXPECT_EQ(testing::parameter_count(Dcstfn({.bands = 1})), 408'961);
  EXPECT_EQ(testing::parameter_count(Dcstfn({.bands = 6, .by_band = true})), 408'961);
}

TEST(Dcstfn, takes_the_largest_cell_within_the_ratio_of_the_sensors) {
  EXPECT_EQ(describe_network("dcstfn", {.ratio = 16}, {}).align_px, 16);
  EXPECT_EQ(describe_network("dcstfn", {.ratio = 30}, {}).align_px, 16);
  EXPECT_EQ(describe_network("dcstfn", {.ratio = 30}, {{"dcstfn.cell", "32"}}).align_px, 32);
  EXPECT_EQ(describe_network("dcstfn", {.ratio = 3}, {}).align_px, 4);
  EXPECT_EQ(describe_network("dcstfn", {.ratio = 300}, {}).align_px, 64);
  EXPECT_THROW(describe_network("dcstfn", {}, {{"dcstfn.cell", "15"}}), Error);
}

TEST(Dcstfn, options_decide_the_shape) {
  EXPECT_EQ(count_parameters("dcstfn", {.bands = 4, .ratio = 8},
                             {{"dcstfn.width", "6"}, {"dcstfn.by_band", "true"}}),
            testing::parameter_count(Dcstfn({.bands = 1, .width = 6, .cell = 8})));
}

TEST(Dcstfn, sees_up_to_four_coarse_cells_around) {
  torch::manual_seed(1);
  Dcstfn published({.bands = 2, .width = 8});
  EXPECT_EQ(published.info().radius_px, 64);
  EXPECT_EQ(testing::measured_radius(published, 192), 64);
  for (int const cell : {4, 8}) {
    Dcstfn network({.bands = 2, .width = 8, .cell = cell});
    EXPECT_EQ(testing::measured_radius(network, 96), network.info().radius_px) << "cell " << cell;
  }
}

TEST(Dcstfn, sees_eight_pixels_of_the_fine_image_around) {
  torch::manual_seed(2);
  Dcstfn network({.bands = 1, .width = 8});
  auto input = random_input(network.info(), 64, 64);
  input.fine_before.set_requires_grad(true);
  network.predict(input)[0][0][32][32].backward();
  auto const places = (input.fine_before.grad()[0][0] != 0).nonzero() - 32;
  EXPECT_EQ(places.min().item<std::int64_t>(), -8);
}

TEST(Dcstfn, gradients_are_those_of_differences) {
  torch::manual_seed(3);
  for (bool const by_band : {false, true}) {
    Dcstfn network({.bands = 2, .width = 3, .cell = 4, .by_band = by_band});
    testing::draw_parameters(network, -0.3, 0.3);
    EXPECT_LT(testing::gradient_error(network, 9, 8), 1e-4);
  }
}

TEST(Dcstfn, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(6);
  Dcstfn network({.bands = 2, .width = 4, .cell = 4});
  auto const scene = random_input(network.info(), 50, 46);
  auto const by_blocks = testing::predict_by_blocks(network, scene, 20);
  EXPECT_LT(testing::relative_difference(by_blocks, network.predict(scene)), 1e-5);
}

TEST(Dcstfn, runs_on_odd_sizes) {
  Dcstfn network({.bands = 3, .width = 4});
  EXPECT_TRUE(testing::runs_on_odd_sizes(network));
}

TEST(Dcstfn, reads_the_coarse_images_on_their_own_grid) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(4);
  Dcstfn network({.bands = 2, .width = 4});
  auto const before = torch::rand({1, 2, 3, 4}), target = torch::rand({1, 2, 3, 4});
  auto const on_fine_grid = [](torch::Tensor const& native) {
    return native.repeat_interleave(16, 2).repeat_interleave(16, 3);
  };
  NetworkInput input;
  input.fine_before = torch::rand({1, 2, 48, 64});
  input.coarse_before = on_fine_grid(before);
  input.coarse_target = on_fine_grid(target);
  auto const expected = network.forward(before, input.fine_before, target);
  EXPECT_LT(testing::relative_difference(network.predict(input), expected), 1e-5);
}

TEST(Dcstfn, treats_all_bands_alike_where_it_goes_by_band) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(5);
  Dcstfn network({.bands = 3, .width = 4, .by_band = true});
  auto const input = random_input(network.info(), 32, 48, 2);
  auto turned = input;
  for (torch::Tensor* const image : {&turned.coarse_before, &turned.fine_before, &turned.coarse_target})
    *image = image->flip(1);
  EXPECT_LT(testing::relative_difference(network.predict(turned).flip(1), network.predict(input)), 1e-6);
}

}  // namespace
}  // namespace stfcube::nn
