#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// What a convolution sees beyond the edge of its input.
enum class Padding { zeros, replicate, reflect };

/// A square convolution that keeps the size at stride 1: padding dilation * (kernel - 1) / 2.
torch::nn::Conv2d convolution(int in, int out, int kernel, Padding padding = Padding::zeros, int stride = 1,
                              int dilation = 1, bool bias = true);

}  // namespace stfcube::nn
