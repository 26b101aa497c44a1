#pragma once

#include <utility>

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Layers one after the other that may stand inside another chain, which torch::nn::Sequential may not.
/// Parameters are named by the layer's number, as in Sequential.
class ChainImpl : public torch::nn::SequentialImpl {
 public:
  using SequentialImpl::SequentialImpl;

  torch::Tensor forward(torch::Tensor const& input) { return SequentialImpl::forward(input); }
};
TORCH_MODULE(Chain);

}  // namespace stfcube::nn
