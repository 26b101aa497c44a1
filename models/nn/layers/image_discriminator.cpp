#include "stfcube/models/nn/layers/image_discriminator.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {
namespace {

using torch::nn::BatchNorm2d;

torch::nn::LeakyReLU leaky() {
  return torch::nn::LeakyReLU(torch::nn::LeakyReLUOptions().negative_slope(0.2));
}

void push_block(Chain& chain, int in, int out, int stride) {
  chain->push_back(convolution(in, out, 3, Padding::zeros, stride));
  chain->push_back(BatchNorm2d(out));
  chain->push_back(leaky());
}

}  // namespace

ImageDiscriminator::ImageDiscriminator(int bands, int width) {
  int const n = width;
  Chain features(convolution(bands, n, 3), leaky());
  push_block(features, n, n, 2);
  for (int const in : {n, 2 * n, 4 * n}) {
    push_block(features, in, 2 * in, 1);
    push_block(features, 2 * in, 2 * in, 2);
  }
  features_ = register_module("features", features);
  score_ = register_module("score", Chain(convolution(8 * n, 16 * n, 1), leaky(), convolution(16 * n, 1, 1)));
}

torch::Tensor ImageDiscriminator::judge(torch::Tensor const& image, NetworkInput const&) {
  return score_->forward(features_->forward(image).mean({2, 3}, true)).flatten(1);
}

}  // namespace stfcube::nn
