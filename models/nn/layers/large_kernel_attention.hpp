#pragma once

#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {

/// Large-kernel attention (Guo et al. 2023, Computational Visual Media 9, 733-752): the map times what a 5x5
/// depthwise, a 7x7 depthwise convolution of dilation 3 and a 1x1 convolution make of it. Reaches 11 pixels
/// in each direction.
class LargeKernelAttentionImpl : public torch::nn::Module {
 public:
  explicit LargeKernelAttentionImpl(int channels, Padding padding = Padding::replicate);

  torch::Tensor forward(torch::Tensor const& input);

 private:
  torch::nn::Conv2d near_{nullptr}, far_{nullptr}, mix_{nullptr};
};
TORCH_MODULE(LargeKernelAttention);

}  // namespace stfcube::nn
