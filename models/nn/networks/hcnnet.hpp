#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct HcnnetOptions {
  int bands = 6;
  int width = 32;  ///< channels of all features; the first 3-D layer has half as many
};

/// Hybrid 2-D and 3-D convolutional network (Zhu, Tao, Luo 2022, IEEE TGRS 60), a reading of its figure: band
/// after band with the same weights, each with the features of the band before, so that the number of
/// parameters does not depend on the number of bands. Begins its training at "no change".
class Hcnnet : public Network {
 public:
  explicit Hcnnet(HcnnetOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// All [N, B, H, W] in reflectance, bands in ascending order of wavelength.
  torch::Tensor forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                        torch::Tensor const& coarse_target);

 private:
  /// Of one band, [N, 1, H, W] each: features of its three images in space and over the images.
  torch::Tensor band_features(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                              torch::Tensor const& coarse_target);

  NetworkInfo info_;
  Chain volume_{nullptr}, plane_{nullptr}, joined_plane_{nullptr}, merge_{nullptr}, spectral_{nullptr};
  torch::Tensor plane_weight_, volume_weight_;
  torch::nn::Conv2d output_{nullptr};
};

NetworkEntry hcnnet_entry();

}  // namespace stfcube::nn
