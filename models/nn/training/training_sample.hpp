#pragma once

#include <span>

#include "stfcube/models/nn/api/training_options.hpp"
#include "stfcube/models/nn/network.hpp"
#include "stfcube/models/nn/api/counter_random.hpp"
#include "stfcube/models/nn/training/sample_source.hpp"

namespace stfcube::nn {

/// What a network reads for a batch of patches, and what it should give.
struct TrainingSample {
  NetworkInput input;         ///< in the network's scaling
  torch::Tensor truth, mask;  ///< reflectance [N, B, P, P]; [N, 1, P, P], 1 where both images of the
                              ///< target date and the fine one of a reference have all bands
};

/// Changes the patches at random, one generator per patch: eight flips and rotations, the two references
/// exchanged (where there are two).
struct AugmentedPatches {
  PatchBatch batch;
  torch::Tensor gain, offset;  ///< of the coarse images, [N, B, 1, 1]; undefined = none
};
AugmentedPatches augmented(PatchBatch batch, AugmentationOptions const& options,
                           std::span<CounterRandom> random);

/// The patches as the network's form wants them. Images that a form does not name stay undefined. Pixels
/// without a value are filled from the image of the other sensor and the same date, or with 0 where that has
/// none either. Series networks see the dates of a patch in order: reference, target, reference; the fine
/// image of the target is hidden.
TrainingSample training_sample(AugmentedPatches const& patches, NetworkInfo const& info);

/// Reflectance as the network reads and writes images.
torch::Tensor in_scaling(torch::Tensor const& reflectance, NetworkInfo const& info);

/// Prediction for the target date in reflectance, of any of a network's outputs [N, B, h, w] or [N, T, B, h,
/// w].
torch::Tensor target_reflectance(torch::Tensor const& output, NetworkInfo const& info);

}  // namespace stfcube::nn
