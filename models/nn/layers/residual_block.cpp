#include "stfcube/models/nn/layers/residual_block.hpp"

namespace stfcube::nn {

ResidualBlockImpl::ResidualBlockImpl(ResidualBlockOptions const& options) {
  auto const [in, out, stride, padding] = options;
  first_ = register_module("first", convolution(in, out, 3, padding, stride));
  second_ = register_module("second", convolution(out, out, 3, padding));
  if (in != out || stride != 1)
    skip_ = register_module("skip", convolution(in, out, 1, Padding::zeros, stride));
}

torch::Tensor ResidualBlockImpl::forward(torch::Tensor const& input) {
  auto const change = second_->forward(torch::relu(first_->forward(input)));
  return change + (skip_ ? skip_->forward(input) : input);
}

}  // namespace stfcube::nn
