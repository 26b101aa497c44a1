#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/layers/gates.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

/// Which parts of the feature attention a network has.
enum class StfegfaGate { full, pixel, none };

struct StfegfaOptions {
  int bands = 6;
  int width = 32;    ///< channels of the first layer; the next ones have two and four times as many
  int pairs = 2;     ///< 1, or 2: two references merged in feature space
  bool edge = true;  ///< adds features of the fine image's edges
  StfegfaGate gate = StfegfaGate::full;  ///< full: the channel part looks at the whole map
};

/// Edge-guided feature attention (Cheng, Fu, Tang, Huang, Huang, Ji 2022, Remote Sensing 14(13), 3057), a
/// reading of its figure: EDCSTFN's encoders, features of the fine image's edges beside them, and a gate
/// before a deeper decoder.
class Stfegfa : public Network {
 public:
  explicit Stfegfa(StfegfaOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// One reference. All [N, B, H, W] in reflectance.
  torch::Tensor forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                        torch::Tensor const& coarse_target);
  /// Two references, merged by the inverse size of their residual features, per channel and pixel.
  torch::Tensor merged(NetworkInput const& input);

 private:
  struct Features {
    torch::Tensor residual;  ///< of the coarse change
    torch::Tensor all;       ///< with those of the fine image and its edges
  };

  Features features(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                    torch::Tensor const& coarse_target);
  torch::Tensor decoded(torch::Tensor const& features);

  StfegfaOptions options_;
  NetworkInfo info_;
  Chain encoder_{nullptr}, residual_encoder_{nullptr}, decoder_{nullptr};
  torch::nn::Conv2d edge_{nullptr};
  ChannelGate channel_gate_{nullptr};
  PixelGate pixel_gate_{nullptr};
};

NetworkEntry stfegfa_entry();

}  // namespace stfcube::nn
