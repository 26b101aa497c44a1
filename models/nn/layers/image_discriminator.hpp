#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network.hpp"

namespace stfcube::nn {

/// A discriminator with one score per image, [N, 1], after that of SRGAN: eight 3x3 convolutions, every
/// second one with a stride, the mean over the image and two layers. No condition.
class ImageDiscriminator : public Discriminator {
 public:
  /// @param width channels of the first convolution
  explicit ImageDiscriminator(int bands, int width = 64);

  torch::Tensor judge(torch::Tensor const& image, NetworkInput const& input) override;

 private:
  Chain features_{nullptr}, score_{nullptr};
};

}  // namespace stfcube::nn
