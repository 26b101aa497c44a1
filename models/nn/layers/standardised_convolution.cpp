#include "stfcube/models/nn/layers/standardised_convolution.hpp"

namespace stfcube::nn {

torch::Tensor StandardisedConvolutionImpl::forward(torch::Tensor const& input) {
  auto const centred = weight - weight.mean({1, 2, 3}, true);
  auto const standardised = centred * torch::rsqrt(weight.var({1, 2, 3}, false, true) + 1e-5);
  return _conv_forward(input, standardised);
}

}  // namespace stfcube::nn
