#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Channel gate of CBAM (Woo et al. 2018): a factor 0..1 per channel from the mean and the maximum of the
/// whole map, see map_statistics(). Parameters "fc1.weight", "fc2.weight".
class ChannelAttentionImpl : public torch::nn::Module {
 public:
  ChannelAttentionImpl(int channels, int ratio);

  /// @return the factor [N, C, 1, 1] (or [1, C, 1, 1])
  torch::Tensor forward(torch::Tensor const& map);

 private:
  torch::nn::Conv2d squeeze_{nullptr}, expand_{nullptr};
};
TORCH_MODULE(ChannelAttention);

/// Pixel gate of CBAM: a factor 0..1 per pixel from the channels' mean and maximum around it. Parameter
/// "conv1.weight".
class SpatialAttentionImpl : public torch::nn::Module {
 public:
  explicit SpatialAttentionImpl(int kernel);

  /// @return the factor [N, 1, H, W]
  torch::Tensor forward(torch::Tensor const& map);

 private:
  torch::nn::Conv2d convolution_{nullptr};
};
TORCH_MODULE(SpatialAttention);

}  // namespace stfcube::nn
