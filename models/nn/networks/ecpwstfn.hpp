#pragma once

#include <vector>

#include "stfcube/models/nn/layers/attention.hpp"
#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct EcpwstfnOptions {
  int bands = 6;
  int width = 32;             ///< channels of the first layers; the next ones have two and four times as many
  bool channel_gates = true;  ///< gates from the whole scene beside those from a pixel's surroundings; false:
                              ///< the local variant ECPW-S
  bool detach_wavelet = false;  ///< no gradient through the wavelet, as in the published code: the encoders
                                ///< before it keep their first values
};

/// A convolution whose result is weighted by channel and by pixel.
class GatedConvolutionImpl : public torch::nn::Module {
 public:
  GatedConvolutionImpl(int in, int out, bool channel_gate);

  torch::Tensor forward(torch::Tensor const& map);

 private:
  Chain residual_{nullptr};
  ChannelAttention channel_gate_{nullptr};
  SpatialAttention pixel_gate_{nullptr};
};
TORCH_MODULE(GatedConvolution);

/// Enhanced cross-paired wavelet fusion network (Zhang et al. 2024, ISPRS Journal 211, 281-297): a fine image
/// of another date and the coarse image of the target. Names of parameters are those of the published code.
class Ecpwstfn : public Network {
 public:
  explicit Ecpwstfn(EcpwstfnOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// All [N, B, H, W] in reflectance, H and W even.
  torch::Tensor forward(torch::Tensor const& fine_reference, torch::Tensor const& coarse_target);

 private:
  torch::Tensor wavelet_features(torch::Tensor const& fine, torch::Tensor const& cross_residual);

  EcpwstfnOptions options_;
  NetworkInfo info_;
  Chain fine_encoder_{nullptr}, residual_encoder_{nullptr}, decoder_{nullptr}, refiner_{nullptr},
      last_decoder_{nullptr};
};

NetworkEntry ecpwstfn_entry();

}  // namespace stfcube::nn
