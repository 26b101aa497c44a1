#pragma once

#include <array>

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct MlffganOptions {
  int bands = 6;
  int width = 16;  ///< channels of the first of five levels; each next level has twice as many
};

/// x plus two 3x3 convolutions with reflected edges and dropout (0.5, in training) after each.
class MlffganResidualImpl : public torch::nn::Module {
 public:
  explicit MlffganResidualImpl(int channels);
  torch::Tensor forward(torch::Tensor const& input) { return input + residual_->forward(input); }

 private:
  Chain residual_{nullptr};
};
TORCH_MODULE(MlffganResidual);

/// Transposed convolution that doubles the size, then leaky ReLU.
class MlffganEnlargeImpl : public torch::nn::Module {
 public:
  MlffganEnlargeImpl(int in, int out);
  torch::Tensor forward(torch::Tensor const& input) {
    return torch::leaky_relu(deconvolution_->forward(input));
  }

 private:
  torch::nn::ConvTranspose2d deconvolution_{nullptr};
};
TORCH_MODULE(MlffganEnlarge);

/// Feature maps of one sensor at five scales: 1, 1/2, 1/4, 1/8, 1/16.
class MlffganEncoderImpl : public torch::nn::Module {
 public:
  static constexpr int levels = 5;
  MlffganEncoderImpl(int bands, int width);
  std::array<torch::Tensor, levels> forward(torch::Tensor const& image);

 private:
  std::array<Chain, levels> steps_{Chain{nullptr}, Chain{nullptr}, Chain{nullptr}, Chain{nullptr},
                                   Chain{nullptr}};
};
TORCH_MODULE(MlffganEncoder);

/// How much of the coarse features to take: one number in 0..1 per pixel, from their change between the
/// dates.
class MlffganMaskImpl : public torch::nn::Module {
 public:
  explicit MlffganMaskImpl(int channels);
  torch::Tensor forward(torch::Tensor const& target, torch::Tensor const& reference);

 private:
  Chain target_{nullptr}, reference_{nullptr}, difference_{nullptr};
};
TORCH_MODULE(MlffganMask);

/// Multilevel feature fusion GAN (Song et al. 2022, IEEE TGRS 60): fine features take the mean and deviation
/// of the coarse features of the target date (AdaIN), a mask mixes them with the coarse ones, at five levels.
/// Names of parameters are those of the published code.
class Mlffgan : public Network {
 public:
  explicit Mlffgan(MlffganOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;
  std::shared_ptr<Discriminator> make_discriminator() const override;

  /// All [N, B, H, W] in reflectance, on the fine grid; H and W multiples of 16, at least 32.
  torch::Tensor forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                        torch::Tensor const& coarse_target);

 private:
  NetworkInfo info_;
  MlffganEncoder coarse_encoder_{nullptr}, fine_encoder_{nullptr};
  torch::nn::ModuleList masks_{nullptr};
  std::array<Chain, 5> decoder_{Chain{nullptr}, Chain{nullptr}, Chain{nullptr}, Chain{nullptr},
                                Chain{nullptr}};
};

/// Scores of overlapping patches of the image beside the coarse image of the target date.
class MlffganDiscriminator : public Discriminator {
 public:
  explicit MlffganDiscriminator(int bands);
  torch::Tensor judge(torch::Tensor const& image, NetworkInput const& input) override;

 private:
  Chain layers_{nullptr};
};

NetworkEntry mlffgan_entry();

}  // namespace stfcube::nn
