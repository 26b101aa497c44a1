#pragma once

#include <utility>
#include <vector>

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct GanstfmOptions {
  int bands = 6;
  int width = 16;          ///< channels after the first block; doubled by each of the next three
  bool switchable = true;  ///< switchable normalisation, which looks at the whole scene; false: batch
                           ///< normalisation (GAN-STFM-F), which is local
};

/// Both streams of one level of the encoder: the fine one receives what the coarse one has become.
class DualStreamImpl : public torch::nn::Module {
 public:
  DualStreamImpl(int in, int out, bool switchable);

  std::pair<torch::Tensor, torch::Tensor> forward(torch::Tensor const& coarse, torch::Tensor const& fine);

 private:
  Chain residual_{nullptr}, transform_{nullptr};
};
TORCH_MODULE(DualStream);

/// Generator of the flexible reference-insensitive fusion model (Tan et al. 2022, IEEE TGRS 60): a fine image
/// of any date and the coarse image of the target. Names of parameters are those of the published code.
class Ganstfm : public Network {
 public:
  explicit Ganstfm(GanstfmOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;
  std::shared_ptr<Discriminator> make_discriminator() const override;

  /// All [N, B, H, W] in reflectance.
  torch::Tensor forward(torch::Tensor const& coarse_target, torch::Tensor const& fine_reference);

 private:
  NetworkInfo info_;
  std::vector<DualStream> encoder_;
  Chain decoder_{nullptr};
};

NetworkEntry ganstfm_entry();

}  // namespace stfcube::nn
