#include "stfcube/models/nn/networks/mustfn.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

constexpr MustfnGate all_gates[] = {MustfnGate::scene, MustfnGate::cell, MustfnGate::constant,
                                    MustfnGate::none};

MustfnOptions small(MustfnGate gate) {
  return {.bands = 1, .coarse_bands = 1, .width = 2, .gate = gate, .cell = 32};
}

/// Averages as if trained. Without them all units that see nothing but zeros stand at the kink of ReLU.
void draw_averages(Network& network) {
  torch::NoGradGuard const fixed;
  for (auto& item : network.named_buffers()) {
    if (item.key().ends_with("running_mean")) item.value().normal_(0, 0.05);
    if (item.key().ends_with("running_var")) item.value().uniform_(0.2, 0.4);
  }
}

TEST(Mustfn, has_the_parameters_of_the_publication) {
  // The published code has one more layer of 4 011 parameters, which it does not use.
  EXPECT_EQ(testing::parameter_count(Mustfn({.bands = 6, .coarse_bands = 7})), 8'660'730 - 4'011);
  EXPECT_EQ(testing::parameter_count(Mustfn({.bands = 6, .coarse_bands = 7, .gate = MustfnGate::none})),
            8'656'719 - 726 * 150 * 2 - 150 * 150);
}

TEST(Mustfn, sees_as_far_as_it_says) {
  torch::manual_seed(2);
  Mustfn local({.bands = 1, .coarse_bands = 1, .width = 3, .gate = MustfnGate::none});
  draw_averages(local);
  EXPECT_EQ(testing::measured_radius(local, 144), local.info().radius_px);
  EXPECT_EQ(Mustfn(small(MustfnGate::cell)).info().radius_px, local.info().radius_px + 48);
  EXPECT_EQ(Mustfn(small(MustfnGate::cell)).info().align_px, 32);
}

TEST(Mustfn, by_blocks_gives_the_result_of_the_whole_scene) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(4);
  for (MustfnGate const gate : all_gates) {
    Mustfn network(small(gate));
    draw_averages(network);
    network.eval();
    auto const scene = testing::random_input(network.info(), 64, 320);
    EXPECT_LT(
        testing::relative_difference(testing::predict_by_blocks(network, scene, 160), network.predict(scene)),
        1e-5)
        << static_cast<int>(gate);
  }
}

TEST(Mustfn, gates_differ) {
  torch::NoGradGuard const fixed;
  std::vector<torch::Tensor> predictions;
  for (MustfnGate const gate : all_gates) {
    torch::manual_seed(5);
    Mustfn network(small(gate));
    network.eval();
    torch::manual_seed(6);
    predictions.push_back(network.predict(testing::random_input(network.info(), 64, 64)));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(torch::equal(predictions[i], predictions[j]));
  }
}

TEST(Mustfn, with_one_cell_for_all_gates_as_with_the_scene) {
  torch::NoGradGuard const fixed;
  Mustfn cell(small(MustfnGate::cell)), scene(small(MustfnGate::scene));
  auto target = cell.named_parameters();
  for (auto const& item : scene.named_parameters()) target[item.key()].copy_(item.value());
  cell.eval();
  scene.eval();
  auto const input = testing::random_input(cell.info(), 32, 32);
  EXPECT_LT(testing::relative_difference(cell.predict(input), scene.predict(input)), 1e-6);
}

TEST(Mustfn, gradients_are_those_of_differences) {
  torch::manual_seed(7);
  for (MustfnGate const gate : {MustfnGate::scene, MustfnGate::cell}) {
    Mustfn network(small(gate));
    draw_averages(network);
    EXPECT_LT(testing::gradient_error(network, 16, gate == MustfnGate::cell ? 48 : 16), 1e-4);
  }
}

TEST(Mustfn, runs_on_odd_sizes) {
  for (MustfnGate const gate : all_gates) {
    Mustfn network(small(gate));
    EXPECT_TRUE(testing::runs_on_odd_sizes(network));
  }
}

TEST(Mustfn, does_not_see_what_is_masked) {
  torch::NoGradGuard const fixed;
  Mustfn network(small(MustfnGate::none));
  network.eval();
  auto input = testing::random_input(network.info(), 32, 32);
  input.fine_after_valid.narrow(3, 0, 20).zero_();
  auto const before = network.predict(input);
  input.fine_after.narrow(3, 0, 20).fill_(7);
  EXPECT_TRUE(torch::equal(network.predict(input), before));
  input.fine_after.narrow(3, 20, 12).fill_(0.3);
  EXPECT_FALSE(torch::equal(network.predict(input), before));
}

TEST(Mustfn, is_made_by_its_name) {
  auto const made = [](char const* gate) {
    return make_network("mustfn", {.bands = 2},
                        {{"mustfn.gate", gate}, {"mustfn.width", "2"}, {"mustfn.cell", "64"}});
  };
  EXPECT_EQ(made("scene")->info().path, InferencePath::scene_statistics);
  EXPECT_EQ(made("cell")->info().align_px, 64);
  EXPECT_EQ(made("const")->info().path, InferencePath::local);
  EXPECT_EQ(made("none")->info().align_px, 16);
  EXPECT_THROW(make_network("mustfn", {}, {{"mustfn.cell", "20"}}), Error);
}

}  // namespace
}  // namespace stfcube::nn
