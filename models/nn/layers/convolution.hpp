#pragma once

#include "stfcube/models/nn/layers/chain.hpp"

namespace stfcube::nn {

/// What a convolution sees beyond the edge of its input.
enum class Padding { zeros, replicate, reflect };

/// A square convolution that keeps the size at stride 1: padding dilation * (kernel - 1) / 2.
torch::nn::Conv2d convolution(int in, int out, int kernel, Padding padding = Padding::zeros, int stride = 1,
                              int dilation = 1, bool bias = true);

/// A 3x3 convolution after a layer of its own that replicates the edge: the form, and so the parameter names
/// ("1.weight"), of the networks of Tan et al.
Chain replicated_convolution(int in, int out, int stride = 1);

/// A convolution that keeps the size, each channel by itself.
torch::nn::Conv2d depthwise_convolution(int channels, int kernel, Padding padding = Padding::zeros,
                                        int stride = 1, int dilation = 1);

/// The layer with weights and biases of zero: what it adds to an image begins its training at "no change".
torch::nn::Conv2d zeroed(torch::nn::Conv2d layer);

}  // namespace stfcube::nn
