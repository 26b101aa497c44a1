#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// A map [N, C, H, W] brought to height x width bilinearly; pixels are areas (corners are not aligned), so
/// that parts of a map agree with the whole where the factor is the same.
torch::Tensor resized(torch::Tensor const& map, std::int64_t height, std::int64_t width);

/// The same, larger by a whole factor.
torch::Tensor enlarged(torch::Tensor const& map, int factor);

}  // namespace stfcube::nn
