#pragma once

#include <gtest/gtest.h>

#include "stfcube/models/nn/training/patch_set.hpp"
#include "stfcube/models/nn/training/trainer.hpp"

namespace stfcube::testing {

/// Patches of a scene without noise: five land covers whose reflectance changes from date to date, coarse
/// images by exact means over ratio x ratio pixels, brought back bilinearly. size is a multiple of ratio.
nn::PatchBatch simulated_patches(int count, int bands, int size, int ratio, std::uint64_t seed);

/// How hard to try. Widths, sizes and steps are chosen so that a test takes seconds.
struct OverfitOptions {
  int size = 32;
  int ratio = 8;
  std::int64_t steps = 600;
  double learning_rate = 3e-3;
  double largest_share = 0.05;
  std::string loss = "mse";
};

/// Whether a network of small width can be trained until the reconstruction term on one patch is below 5 % of
/// what it was before the first step, in bounded steps (diffusion: at a fixed step with fixed noise). Trains
/// the network.
::testing::AssertionResult overfits(nn::Network& network, OverfitOptions const& options = {});

/// Options for short runs in tests: constant rate, nothing random but the choice of patches.
nn::TrainingOptions plain_training(std::int64_t steps, int batch);

}  // namespace stfcube::testing
