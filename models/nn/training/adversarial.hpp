#pragma once

#include <string>

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// The game between a network and its discriminator. Losses are [N]: means over each patch's scores.
class AdversarialGame {
 public:
  /// @param name lsgan-half (GAN-STFM, RSFN), lsgan-plain (MLFF-GAN, AMS-STF), wgan (OPGAN)
  /// @throws Error(config) for another name
  explicit AdversarialGame(std::string const& name);

  torch::Tensor discriminator_loss(torch::Tensor const& real_scores, torch::Tensor const& fake_scores) const;
  torch::Tensor generator_loss(torch::Tensor const& fake_scores) const;

  /// Largest absolute value of a discriminator's parameter after a step; 0 = any.
  double parameter_limit() const { return kind_ == Kind::wgan ? 0.01 : 0; }

 private:
  enum class Kind { lsgan_half, lsgan_plain, wgan };
  Kind kind_;
};

}  // namespace stfcube::nn
