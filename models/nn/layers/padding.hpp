#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// The image [N, C, H, W] with rows and columns repeated at its lower and right edge until both sizes are
/// multiples of `align`.
torch::Tensor padded_to(torch::Tensor const& image, int align);

/// The upper left part of an image, of the size of `like`.
torch::Tensor cropped_to(torch::Tensor const& image, torch::Tensor const& like);

}  // namespace stfcube::nn
