#include "stfcube/models/nn/layers/map_discriminator.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::BatchNorm2d;
using torch::nn::LeakyReLU;

Chain halved(int channels) {
  return Chain(convolution(channels, channels, 3, Padding::zeros, 2), BatchNorm2d(channels), LeakyReLU());
}

Chain twice(int in, int out) {
  return Chain(convolution(in, out, 3), BatchNorm2d(out), LeakyReLU(), convolution(out, out, 3),
               BatchNorm2d(out), LeakyReLU());
}

Chain doubled(int in, int out) {
  Chain chain = twice(in, 2 * out);
  chain->push_back(torch::nn::ConvTranspose2d(
      torch::nn::ConvTranspose2dOptions(2 * out, out, 3).stride(2).padding(1).output_padding(1)));
  chain->push_back(BatchNorm2d(out));
  chain->push_back(LeakyReLU());
  return chain;
}

}  // namespace

MapDiscriminator::MapDiscriminator(int bands, int width) {
  int const n = width;
  see1_ = register_module("see1", twice(bands, n));
  see2_ = register_module("see2", twice(n, 2 * n));
  see3_ = register_module("see3", twice(2 * n, 4 * n));
  halve1_ = register_module("halve1", halved(n));
  halve2_ = register_module("halve2", halved(2 * n));
  halve3_ = register_module("halve3", halved(4 * n));
  double3_ = register_module("double3", doubled(4 * n, 4 * n));
  double2_ = register_module("double2", doubled(8 * n, 2 * n));
  double1_ = register_module("double1", doubled(4 * n, n));
  Chain score = twice(2 * n, n);
  score->push_back(convolution(n, 1, 3));
  score->push_back(torch::nn::Sigmoid());
  score_ = register_module("score", score);
}

Tensor MapDiscriminator::judge(Tensor const& image, NetworkInput const&) {
  Tensor const first = see1_->forward(image);
  Tensor const second = see2_->forward(halve1_->forward(first));
  Tensor const third = see3_->forward(halve2_->forward(second));
  Tensor map = torch::cat({double3_->forward(halve3_->forward(third)), third}, 1);
  map = torch::cat({double2_->forward(map), second}, 1);
  map = torch::cat({double1_->forward(map), first}, 1);
  return score_->forward(map);
}

}  // namespace stfcube::nn
