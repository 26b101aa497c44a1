#include "stfcube/models/nn/layers/spectral_convolution.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

Tensor unit(Tensor const& vector) {
  return vector / (vector.norm() + 1e-12);
}

}  // namespace

SpectralConvolutionImpl::SpectralConvolutionImpl(int in, int out, int kernel, int stride)
    : stride_(stride), padding_((kernel - 1) / 2) {
  torch::nn::Conv2d const drawn(in, out, kernel);  // for its initialisation
  weight_ = register_parameter("weight", drawn->weight.detach().clone());
  bias_ = register_parameter("bias", drawn->bias.detach().clone());
  left_ = register_buffer("weight_u", unit(torch::randn(out)));
  right_ = register_buffer("weight_v", unit(torch::randn(in * kernel * kernel)));
}

Tensor SpectralConvolutionImpl::forward(Tensor const& map) {
  Tensor const matrix = weight_.flatten(1);
  if (is_training()) {
    torch::NoGradGuard const fixed;
    right_.copy_(unit(matrix.t().mv(left_)));
    left_.copy_(unit(matrix.mv(right_)));
  }
  // Copies: another forward may change the vectors before this one's gradient is taken.
  Tensor const largest = left_.clone().dot(matrix.mv(right_.clone()));
  return torch::conv2d(map, weight_ / largest, bias_, stride_, padding_);
}

}  // namespace stfcube::nn
