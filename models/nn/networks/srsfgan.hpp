#pragma once

#include <utility>
#include <vector>

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

class AttentiveBlockImpl;
class DifferenceGateImpl;

struct SrsfganOptions {
  int bands = 6;
  int width = 64;  ///< channels of the pyramids, a multiple of 16
  /// The coarse image is reduced to 1/8 with the corners aligned, as published, so that a pixel's place
  /// depends on the size of the patch; false: at the centres of cells of 8 x 8 pixels.
  bool corners = false;
};

/// Generator of the super-resolution based fusion GAN (Zhao et al. 2023, IEEE TGRS 61): pyramids of a fine
/// image of another date and of the coarse image of the target, fused level by level. Names of parameters are
/// those of LibSTF.
class Srsfgan : public Network {
 public:
  explicit Srsfgan(SrsfganOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;
  /// The image, and what the coarse pyramid alone makes of it.
  std::vector<torch::Tensor> predict_all(NetworkInput const& input) override;
  std::shared_ptr<Discriminator> make_discriminator() const override;

  /// All [N, B, H, W] in reflectance, H and W multiples of 8. @return the image and the side output
  std::pair<torch::Tensor, torch::Tensor> forward(torch::Tensor const& fine_reference,
                                                  torch::Tensor const& coarse_target);

 private:
  std::vector<torch::Tensor> fine_pyramid(torch::Tensor const& fine);
  std::vector<torch::Tensor> coarse_pyramid(torch::Tensor const& coarse);

  SrsfganOptions options_;
  NetworkInfo info_;
  torch::nn::Conv2d head_{nullptr}, tail_{nullptr}, halve_{nullptr};
  torch::nn::ConvTranspose2d enlarge_{nullptr};
  std::vector<Chain> fine_levels_, coarse_levels_;
  std::shared_ptr<AttentiveBlockImpl> first_decoder_;
  Chain decoder_{nullptr};
  std::shared_ptr<DifferenceGateImpl> gate_;
};

NetworkEntry srsfgan_entry();

}  // namespace stfcube::nn
