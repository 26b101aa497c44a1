#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network.hpp"

namespace stfcube::nn {

/// A discriminator that scores every pixel, 0..1: [N, 1, H, W], H and W multiples of 8. Three levels down and
/// up again, each joined with what was seen on the way down (SRSF-GAN, Zhao et al. 2023). No condition.
class MapDiscriminator : public Discriminator {
 public:
  /// @param width channels of the first level, doubled by each of the next two
  explicit MapDiscriminator(int bands, int width = 16);

  torch::Tensor judge(torch::Tensor const& image, NetworkInput const& input) override;

 private:
  Chain see1_{nullptr}, see2_{nullptr}, see3_{nullptr};
  Chain halve1_{nullptr}, halve2_{nullptr}, halve3_{nullptr};
  Chain double3_{nullptr}, double2_{nullptr}, double1_{nullptr}, score_{nullptr};
};

}  // namespace stfcube::nn
