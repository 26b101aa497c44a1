#include "stfcube/models/nn/layers/gates.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/map_statistics.hpp"

namespace stfcube::nn {
namespace {

Chain factor(int channels, int ratio, int out) {
  return Chain(convolution(channels, channels / ratio, 1), torch::nn::ReLU(),
               convolution(channels / ratio, out, 1), torch::nn::Sigmoid());
}

}  // namespace

ChannelGateImpl::ChannelGateImpl(int channels, int ratio)
    : factor_(register_module("factor", factor(channels, ratio, channels))) {}

torch::Tensor ChannelGateImpl::forward(torch::Tensor const& map) {
  return map * factor_->forward(map_statistics(map, Wanted::mean).mean);
}

PixelGateImpl::PixelGateImpl(int channels, int ratio)
    : factor_(register_module("factor", factor(channels, ratio, 1))) {}

torch::Tensor PixelGateImpl::forward(torch::Tensor const& map) {
  return map * factor_->forward(map);
}

}  // namespace stfcube::nn
