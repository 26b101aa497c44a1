#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct DmnetOptions {
  int bands = 6;
  int width =
      32;  ///< channels of each dilated branch and of the first fine layer; inner layers have twice as many
};

/// Dilated convolution and multi-scale network (Li, Zhang, Peng, Dong 2020, IEEE Sensors Journal 20(20),
/// 12190-12202), a reading of its abstract: features of the coarse change and of the fine image are
/// concatenated, not added, and seen at several scales.
class Dmnet : public Network {
 public:
  explicit Dmnet(DmnetOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// All [N, B, H, W] in reflectance.
  torch::Tensor forward(torch::Tensor const& coarse_change, torch::Tensor const& fine_reference);

 private:
  NetworkInfo info_;
  Chain change_{nullptr}, shallow_{nullptr}, fine_{nullptr}, scales_{nullptr}, output_{nullptr};
};

NetworkEntry dmnet_entry();

}  // namespace stfcube::nn
