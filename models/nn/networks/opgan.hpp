#pragma once

#include <utility>

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct OpganOptions {
  int bands = 6;
  int width = 64;
  int kernel = 9;                    ///< of the first and last convolutions, odd
  Padding padding = Padding::zeros;  ///< zeros of the symmetric scaling are a reflectance of 0.5
};

/// Residual blocks between a wide convolution and a skip connection around them.
class OpganBranchImpl : public torch::nn::Module {
 public:
  OpganBranchImpl(OpganOptions const& options, int blocks);

  torch::Tensor forward(torch::Tensor const& image);

 private:
  Chain head_{nullptr}, body_{nullptr};
};
TORCH_MODULE(OpganBranch);

/// Generator of the GAN with one prior image pair (Song et al. 2022, IEEE TGRS): sums features of the coarse
/// change, of the difference of the sensors and of the fine image. Everything in it is local.
class Opgan : public Network {
 public:
  explicit Opgan(OpganOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;
  /// The image, and the reference image plus the change that the auxiliary head gives.
  std::vector<torch::Tensor> predict_all(NetworkInput const& input) override;
  std::shared_ptr<Discriminator> make_discriminator() const override;

 private:
  /// Features of the change (with those of the sensors' difference) and of everything.
  std::pair<torch::Tensor, torch::Tensor> features(NetworkInput const& input);

  OpganOptions options_;
  NetworkInfo info_;
  OpganBranch change_{nullptr}, sensors_{nullptr}, base_{nullptr};
  torch::nn::Conv2d change_head_{nullptr}, image_head_{nullptr};
};

NetworkEntry opgan_entry();

}  // namespace stfcube::nn
