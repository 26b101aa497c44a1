#include "stfcube/models/nn/layers/dilated_branches.hpp"

namespace stfcube::nn {

DilatedBranchesImpl::DilatedBranchesImpl(int in, int branch, std::vector<int> const& dilations,
                                         Padding padding) {
  for (int const dilation : dilations)
    branches_.push_back(register_module("dilation" + std::to_string(dilation),
                                        convolution(in, branch, 3, padding, 1, dilation)));
}

torch::Tensor DilatedBranchesImpl::forward(torch::Tensor const& input) {
  std::vector<torch::Tensor> scales;
  for (auto& branch : branches_) scales.push_back(torch::relu(branch->forward(input)));
  return torch::cat(scales, 1);
}

}  // namespace stfcube::nn
