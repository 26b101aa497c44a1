#include "stfcube/models/nn/layers/large_kernel_attention.hpp"

namespace stfcube::nn {

LargeKernelAttentionImpl::LargeKernelAttentionImpl(int channels, Padding padding) {
  near_ = register_module("near", depthwise_convolution(channels, 5, padding));
  far_ = register_module("far", depthwise_convolution(channels, 7, padding, 1, 3));
  mix_ = register_module("mix", convolution(channels, channels, 1));
}

torch::Tensor LargeKernelAttentionImpl::forward(torch::Tensor const& input) {
  return input * mix_->forward(far_->forward(near_->forward(input)));
}

}  // namespace stfcube::nn
