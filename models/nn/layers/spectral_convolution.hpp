#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// A convolution with zero padding whose weights are divided by their largest singular value (Miyato et al.
/// 2018), for discriminators. In training mode each forward improves the estimate of that value by one power
/// iteration; the gradient passes through it.
class SpectralConvolutionImpl : public torch::nn::Module {
 public:
  SpectralConvolutionImpl(int in, int out, int kernel, int stride = 1);

  torch::Tensor forward(torch::Tensor const& map);

 private:
  int stride_, padding_;
  torch::Tensor weight_, bias_, left_, right_;
};
TORCH_MODULE(SpectralConvolution);

}  // namespace stfcube::nn
