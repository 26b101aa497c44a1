#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Mean over a square of 2 * radius + 1 pixels around each pixel of [N, C, H, W]; at the edge over the part
/// that exists.
torch::Tensor box_mean(torch::Tensor const& map, int radius);

}  // namespace stfcube::nn
