#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct CigstfOptions {
  int bands = 6;
  int width = 64;  ///< channels of all features; the dilated branches and the change head have half as many
};

/// Change-information-guided fusion (You et al. 2024, IEEE TGRS 62), a reading of its description: a head
/// estimates from both coarse images and the fine one where the surface changed, and its map guides the last
/// step of the fusion.
class Cigstf : public Network {
 public:
  struct Output {
    torch::Tensor image;   ///< [N, B, H, W]
    torch::Tensor change;  ///< [N, 1, H, W], 0 (no change) to 1
  };

  explicit Cigstf(CigstfOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// All [N, B, H, W] in reflectance.
  Output forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                 torch::Tensor const& coarse_target);

 private:
  NetworkInfo info_;
  Chain coarse_features_{nullptr}, fine_features_{nullptr}, change_{nullptr}, fusion_{nullptr},
      enhancement_{nullptr}, output_{nullptr};
};

NetworkEntry cigstf_entry();

}  // namespace stfcube::nn
