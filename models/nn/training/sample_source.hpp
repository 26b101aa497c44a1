#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/models/nn/api/patch_file.hpp"
#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Patches as the patch file holds them.
struct PatchBatch {
  torch::Tensor images;         ///< [N, 6, B, P, P] int16, in the order of PatchImage
  std::vector<PatchDays> days;  ///< N
};

/// Where training samples come from.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  virtual std::int64_t size() const = 0;

  /// The patches with these numbers, on the device of the training. Any number may be asked for again.
  virtual PatchBatch patches(std::span<std::int64_t const> indices) const = 0;
};

}  // namespace stfcube::nn
