#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/layers/large_kernel_attention.hpp"
#include "stfcube/models/nn/layers/residual_block.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct MlknetOptions {
  int bands = 6;
  int width = 32;  ///< channels at full size; the halves have 2, quarters and eighths 4 times as many
  int attention_levels = 4;  ///< how many of the four sizes, the full one first, have large-kernel attention
};

/// Multi-stage network with large-kernel attention (Jiang, Qian, Yang, Liu 2024, IEEE JSTARS 17, 1257-1268),
/// a reading of its figure: features of the coarse change at four sizes, each with large-kernel attention,
/// meet those of the fine image from the smallest size up.
class Mlknet : public Network {
 public:
  explicit Mlknet(MlknetOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// All [N, B, H, W] in reflectance, H and W multiples of 8.
  torch::Tensor forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                        torch::Tensor const& coarse_target);

 private:
  /// One of the four sizes.
  struct Level {
    Chain temporal{nullptr};
    ResidualBlock fine{nullptr};
    LargeKernelAttention attention{nullptr};  ///< null above attention_levels
    torch::nn::Conv2d merge{nullptr};
  };

  NetworkInfo info_;
  Chain temporal_head_{nullptr}, fine_head_{nullptr}, decoder_{nullptr};
  torch::nn::Conv2d skip_{nullptr};
  std::vector<Level> levels_;
};

NetworkEntry mlknet_entry();

}  // namespace stfcube::nn
