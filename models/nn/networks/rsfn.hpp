#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct RsfnOptions {
  int bands = 6;
  int width = 16;        ///< channels after the first block; the next ones have two and four times as many
  bool instance = true;  ///< the attention is normalised over the whole scene, as published; false: by the
                         ///< averages of training (RSFN-B), which is local
};

/// Generator of the robust fusion network (Tan et al. 2022, IEEE TGRS 60): two fine images, of which an
/// attention takes what is fit to be used, and the coarse image of the target. Coarse images of the reference
/// dates are not read.
class Rsfn : public Network {
 public:
  explicit Rsfn(RsfnOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;
  std::shared_ptr<Discriminator> make_discriminator() const override;

  /// All [N, B, H, W] in reflectance, H and W multiples of 8.
  torch::Tensor forward(torch::Tensor const& fine_before, torch::Tensor const& fine_after,
                        torch::Tensor const& coarse_target);

 private:
  /// What may be taken from a fine image, 0..1: [N, 1, 2H, 2W].
  torch::Tensor fitness(torch::Tensor const& fine, torch::Tensor const& coarse_target);

  NetworkInfo info_;
  Chain fine_encoder_{nullptr}, coarse_encoder_{nullptr}, attention_{nullptr}, tweak_{nullptr},
      decoder_{nullptr};
};

NetworkEntry rsfn_entry();

}  // namespace stfcube::nn
