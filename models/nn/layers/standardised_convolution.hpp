#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Convolution whose filters have mean 0 and variance 1 (biased, over all their weights) when they are
/// applied. Qiao et al. 2019.
class StandardisedConvolutionImpl : public torch::nn::Conv2dImpl {
 public:
  using Conv2dImpl::Conv2dImpl;

  torch::Tensor forward(torch::Tensor const& input);
};
TORCH_MODULE(StandardisedConvolution);

}  // namespace stfcube::nn
