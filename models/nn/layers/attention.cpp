#include "stfcube/models/nn/layers/attention.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/map_statistics.hpp"

namespace stfcube::nn {

using torch::Tensor;

ChannelAttentionImpl::ChannelAttentionImpl(int channels, int ratio) {
  int const narrow = channels / ratio;
  squeeze_ = register_module("fc1", convolution(channels, narrow, 1, Padding::zeros, 1, 1, false));
  expand_ = register_module("fc2", convolution(narrow, channels, 1, Padding::zeros, 1, 1, false));
}

Tensor ChannelAttentionImpl::forward(Tensor const& map) {
  MapStatistics const statistics = map_statistics(map, Wanted::mean_and_maximum);
  Tensor const from_mean = expand_(squeeze_(statistics.mean).relu());
  Tensor const from_maximum = expand_(squeeze_(statistics.maximum).relu());
  return (from_mean + from_maximum).sigmoid();
}

SpatialAttentionImpl::SpatialAttentionImpl(int kernel) {
  convolution_ = register_module("conv1", convolution(2, 1, kernel, Padding::zeros, 1, 1, false));
}

Tensor SpatialAttentionImpl::forward(Tensor const& map) {
  return convolution_(torch::cat({map.mean(1, true), map.amax(1, true)}, 1)).sigmoid();
}

}  // namespace stfcube::nn
