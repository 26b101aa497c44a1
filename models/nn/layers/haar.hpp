#pragma once

#include <array>

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Orthonormal Haar analysis of maps [N, C, H, W], H and W even: mean, horizontal, vertical and diagonal
/// detail of each cell of 2 x 2 pixels, [N, C, H / 2, W / 2] each. Linear, so gradients pass.
std::array<torch::Tensor, 4> haar_analysis(torch::Tensor const& map);

/// The inverse of haar_analysis().
torch::Tensor haar_synthesis(std::array<torch::Tensor, 4> const& bands);

}  // namespace stfcube::nn
