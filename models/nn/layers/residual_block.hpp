#pragma once

#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {

struct ResidualBlockOptions {
  int in = 64;
  int out = 64;
  int stride = 1;
  Padding padding = Padding::replicate;
};

/// skip(x) + C3(ReLU(C3(x))) with 3x3 convolutions, the first of which has the stride. The skip is the input
/// itself where size and channels stay, otherwise a 1x1 convolution of the same stride. What follows the sum
/// (an activation or nothing) is up to the network.
class ResidualBlockImpl : public torch::nn::Module {
 public:
  explicit ResidualBlockImpl(ResidualBlockOptions const& options);
  ResidualBlockImpl(int in, int out) : ResidualBlockImpl(ResidualBlockOptions{.in = in, .out = out}) {}

  torch::Tensor forward(torch::Tensor const& input);

 private:
  torch::nn::Conv2d first_{nullptr}, second_{nullptr}, skip_{nullptr};
};
TORCH_MODULE(ResidualBlock);

}  // namespace stfcube::nn
