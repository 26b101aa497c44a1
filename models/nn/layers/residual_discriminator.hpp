#pragma once

#include <vector>

#include "stfcube/models/nn/network.hpp"

namespace stfcube::nn {

struct ResidualDiscriminatorOptions {
  int bands = 6;
  /// Channels of each residual block of the network of each scale, without those of the input; the scales are
  /// 1, 1/2, 1/4, ... by taking every second pixel.
  std::vector<std::vector<int>> widths;
  bool pooling = false;  ///< blocks halve their input by maxima of 2 x 2; false: by a stride
};

/// Discriminator of Tan et al. (GAN-STFM: three scales and strides, RSFN: one scale and pooling): blocks of
/// normalised activations and spectrally normalised convolutions. The condition is the coarse image of the
/// target date. The scores of all scales and places: [N, K].
class ResidualDiscriminator : public Discriminator {
 public:
  explicit ResidualDiscriminator(ResidualDiscriminatorOptions const& options);

  torch::Tensor judge(torch::Tensor const& image, NetworkInput const& input) override;

 private:
  std::vector<torch::nn::Sequential> scales_;
};

}  // namespace stfcube::nn
