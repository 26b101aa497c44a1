#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct StfnetOptions {
  int bands = 6;
  int ratio = 16;         ///< fine pixels per coarse one
  int pairs = 2;          ///< 2, or 1: the stream of the earlier pair alone
  int width = 32;         ///< channels of the first layer; the second one has half as many
  bool per_band = false;  ///< each band by itself with the same weights: fits any set of bands
  int window = 3;         ///< coarse pixels; side of the window whose change decides between the streams
};

/// Two-stream network of differences (Liu et al. 2019, IEEE TGRS 57(9), 6552-6564): the coarse change and the
/// neighbouring fine image give the fine change, once from each side. Begins its training at "no change".
class Stfnet : public Network {
 public:
  explicit Stfnet(StfnetOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;
  /// The merged image, then that of each stream; of one pair the image alone.
  std::vector<torch::Tensor> predict_all(NetworkInput const& input) override;

  /// Fine changes [N, B, H, W]: from the earlier date to the target, and from the target to the later date.
  torch::Tensor earlier_change(torch::Tensor const& coarse_change, torch::Tensor const& fine_before);
  torch::Tensor later_change(torch::Tensor const& coarse_change, torch::Tensor const& fine_after);

 private:
  torch::Tensor change(Chain& stream, torch::Tensor const& coarse_change, torch::Tensor const& fine);

  StfnetOptions options_;
  NetworkInfo info_;
  Chain earlier_{nullptr}, later_{nullptr};
};

NetworkEntry stfnet_entry();

}  // namespace stfcube::nn
