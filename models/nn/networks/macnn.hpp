#pragma once

#include "stfcube/models/nn/layers/attention.hpp"
#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

/// Which parts of the attention module a network has.
enum class MacnnGate { full, spatial, none };

struct MacnnOptions {
  int bands = 6;
  int width = 64;                    ///< channels of all features; dilated branches have half as many
  MacnnGate gate = MacnnGate::full;  ///< full: the channel part looks at the whole map
  int weight_radius = 24;            ///< of the window in which the coarse change weighs the two estimates
};

/// One stream: the fine difference between two dates, from the coarse one and a fine image of one of them.
class MacnnStreamImpl : public torch::nn::Module {
 public:
  explicit MacnnStreamImpl(MacnnOptions const& options);

  /// All [N, B, H, W] in reflectance.
  torch::Tensor forward(torch::Tensor const& coarse_difference, torch::Tensor const& fine);

 private:
  Chain head_{nullptr}, scales_{nullptr}, middle_{nullptr}, tail_{nullptr};
  ChannelAttention channel_gate_{nullptr};
  SpatialAttention spatial_gate_{nullptr};
};
TORCH_MODULE(MacnnStream);

/// Multiscale attention-aware two-stream network (Chen, Ge 2022, Science of Remote Sensing 6, 100062), a
/// reading of its figure: a stream from each pair, merged by the change of the coarse image. Begins its
/// training at "no change".
class Macnn : public Network {
 public:
  explicit Macnn(MacnnOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// The merged image, and those from the earlier and from the later pair alone.
  std::vector<torch::Tensor> predict_all(NetworkInput const& input) override;

 private:
  MacnnOptions options_;
  NetworkInfo info_;
  MacnnStream before_{nullptr}, after_{nullptr};
};

NetworkEntry macnn_entry();

}  // namespace stfcube::nn
