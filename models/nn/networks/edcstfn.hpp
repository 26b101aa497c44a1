#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct EdcstfnOptions {
  int bands = 6;
  int width = 32;         ///< channels of the first layer; the next ones have two and four times as many
  int pairs = 1;          ///< 1, or 2: two references merged in feature space
  bool residual = false;  ///< predicts the change of the reference image (of their mean) instead of the
                          ///< image; begins at no change
};

/// Enhanced deep convolutional spatiotemporal fusion network (Tan et al. 2019, Remote Sensing 11(24), 2898).
/// One reference: D(E(F_r) + R(C_r, F_r, C_t)). Names of parameters are those of the published code as LibSTF
/// keeps it.
class Edcstfn : public Network {
 public:
  explicit Edcstfn(EdcstfnOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// All [N, B, H, W] in reflectance.
  torch::Tensor forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                        torch::Tensor const& coarse_target);
  /// Two references, merged by the inverse size of their residual features, per channel and pixel.
  torch::Tensor merged(NetworkInput const& input);

 private:
  torch::Tensor residual_features(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                                  torch::Tensor const& coarse_target);

  EdcstfnOptions options_;
  NetworkInfo info_;
  Chain encoder_{nullptr}, residual_encoder_{nullptr}, decoder_{nullptr};
};

NetworkEntry edcstfn_entry();

}  // namespace stfcube::nn
