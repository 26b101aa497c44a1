#pragma once

#include <vector>

#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {

/// 3x3 convolutions of different dilations beside each other, each with ReLU, concatenated: context at
/// several scales without loss of resolution. [N, in, H, W] -> [N, branch * number of dilations, H, W].
class DilatedBranchesImpl : public torch::nn::Module {
 public:
  DilatedBranchesImpl(int in, int branch, std::vector<int> const& dilations,
                      Padding padding = Padding::replicate);

  torch::Tensor forward(torch::Tensor const& input);

 private:
  std::vector<torch::nn::Conv2d> branches_;
};
TORCH_MODULE(DilatedBranches);

}  // namespace stfcube::nn
