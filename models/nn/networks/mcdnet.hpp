#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct McdnetOptions {
  int bands = 6;
  int width = 32;  ///< channels of outer layers; inner layers have twice as many
};

/// Multi-cooperative deep convolutional network (Li, Yang, Peng, Zhang 2021, IEEE JSTARS 14, 10174-10188), a
/// reading of its figure. Three parts: coarse images become transition images of finer detail; their
/// differences and a fine image become fine differences from each pair to the target; in training a third
/// part gives the difference of the two fine images, which the other two must add up to. Begins its training
/// at "no change".
class Mcdnet : public Network {
 public:
  explicit Mcdnet(McdnetOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// The merged image; those from the earlier and from the later pair alone; and those which the third part
  /// gives by taking the later pair's difference from its own, and the other way round.
  std::vector<torch::Tensor> predict_all(NetworkInput const& input) override;

 private:
  struct Estimates {
    torch::Tensor before_to_target, target_to_after;  ///< fine differences, later minus earlier
    torch::Tensor weight;                             ///< of the earlier pair, [N, 1, H, W]
  };

  torch::Tensor transition(torch::Tensor const& coarse);
  Estimates estimates(NetworkInput const& input);

  NetworkInfo info_;
  Chain super_resolution_{nullptr}, difference_{nullptr}, cooperation_{nullptr};
};

NetworkEntry mcdnet_entry();

}  // namespace stfcube::nn
