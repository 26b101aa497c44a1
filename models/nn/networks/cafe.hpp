#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct CafeOptions {
  int bands = 6;
  int width = 64;            ///< channels of all features; dense layers and bands' features have half as many
  bool channel_gate = true;  ///< its factors come from the means of whole maps
};

/// Features of two images, each weighted by a gate that is made of the other.
class CrossAttentionImpl : public torch::nn::Module {
 public:
  /// @param kernel of the gate that is made of the coarse image's features
  CrossAttentionImpl(int in, int width, int kernel);

  torch::Tensor forward(torch::Tensor const& coarse, torch::Tensor const& fine);

 private:
  Chain coarse_features_{nullptr}, fine_features_{nullptr}, coarse_gate_{nullptr}, fine_gate_{nullptr},
      output_{nullptr};
};
TORCH_MODULE(CrossAttention);

/// Cross attention band by band, then one convolution of all bands' features.
class BandCrossAttentionImpl : public torch::nn::Module {
 public:
  BandCrossAttentionImpl(int bands, int width);

  torch::Tensor forward(torch::Tensor const& coarse, torch::Tensor const& fine);

 private:
  std::vector<CrossAttention> bands_;
  Chain merge_{nullptr};
};
TORCH_MODULE(BandCrossAttention);

/// Cross-attention adaptive weighting fusion network (Lin, Shen, Wu, Nan 2023, IEEE GRSL 20, 5001605).
/// Layers, padding and initialisation are those of the published code.
class Cafe : public Network {
 public:
  explicit Cafe(CafeOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// All [N, B, H, W] in reflectance.
  torch::Tensor forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                        torch::Tensor const& coarse_target);

 private:
  NetworkInfo info_;
  Chain difference_{nullptr}, fine_{nullptr};
  BandCrossAttention target_bands_{nullptr}, reference_bands_{nullptr};
  Chain target_features_{nullptr}, reference_features_{nullptr};
  CrossAttention joint_{nullptr};
  Chain target_weight_{nullptr}, reference_weight_{nullptr}, output_{nullptr};
};

NetworkEntry cafe_entry();

}  // namespace stfcube::nn
