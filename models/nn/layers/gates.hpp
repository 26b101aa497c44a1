#pragma once

#include "stfcube/models/nn/layers/chain.hpp"

namespace stfcube::nn {

/// Squeeze and excitation (Hu et al. 2018): the map times a factor 0..1 per channel, which two 1x1
/// convolutions make of the channels' means over the whole map, see map_statistics().
class ChannelGateImpl : public torch::nn::Module {
 public:
  /// @param ratio channels / channels between the two convolutions
  ChannelGateImpl(int channels, int ratio);

  torch::Tensor forward(torch::Tensor const& map);

 private:
  Chain factor_{nullptr};
};
TORCH_MODULE(ChannelGate);

/// The map times a factor 0..1 per pixel, which two 1x1 convolutions make of the pixel's channels.
class PixelGateImpl : public torch::nn::Module {
 public:
  /// @param ratio channels / channels between the two convolutions
  PixelGateImpl(int channels, int ratio);

  torch::Tensor forward(torch::Tensor const& map);

 private:
  Chain factor_{nullptr};
};
TORCH_MODULE(PixelGate);

}  // namespace stfcube::nn
