#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct IncnetOptions {
  int bands = 6;    ///< any number: the same parameters serve every band
  int width = 16;   ///< channels of the hidden layers
  int window = 33;  ///< side of the window that gives the local scale, odd, px
};

/// Increment network, stfcube's own: corrects the increment method where the surroundings say how.
///
/// With q the departure of the target's coarse image from the line in time between the pairs' coarse images
/// and g the difference of the two pairs' increments, the time-weighted increment is L + q, L the line
/// between the fine images. The network predicts L + (1 + a) q + b g + s r from features that are differences
/// of images over a local scale s: a (how much of the coarse change the pixel takes part in), b (which pair
/// is nearer) and r for every pixel and band. All bands share the parameters and hear of each other by a
/// mean, so that any set of bands, in any order, and any quantity can be given. Initially a = b = r = 0.
class Incnet : public Network {
 public:
  explicit Incnet(IncnetOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

 private:
  IncnetOptions options_;
  NetworkInfo info_;
  torch::nn::Conv2d first_{nullptr}, across_{nullptr}, last_{nullptr};
  std::vector<torch::nn::Conv2d> body_;
};

NetworkEntry incnet_entry();

}  // namespace stfcube::nn
