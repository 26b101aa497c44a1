#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// An image [N, C, H, W], or a series [N, T, C, H, W], continued to the right and downwards by its last
/// column and row until both sides are multiples of `multiple` and at least `least`.
torch::Tensor filled_up(torch::Tensor const& image, int multiple, int least = 1);

/// The upper left part of `image` that has height and width of `model`.
torch::Tensor cut_to(torch::Tensor const& image, torch::Tensor const& model);

}  // namespace stfcube::nn
