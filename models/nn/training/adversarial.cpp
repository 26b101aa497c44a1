#include "stfcube/models/nn/training/adversarial.hpp"

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

torch::Tensor mean_per_patch(torch::Tensor const& scores) {
  return scores.reshape({scores.size(0), -1}).mean(1);
}

}  // namespace

AdversarialGame::AdversarialGame(std::string const& name) {
  if (name == "lsgan-half") {
    kind_ = Kind::lsgan_half;
  } else if (name == "lsgan-plain") {
    kind_ = Kind::lsgan_plain;
  } else if (name == "wgan") {
    kind_ = Kind::wgan;
  } else {
    throw Error(ErrorKind::config, "The adversarial loss '" + name +
                                       "' is not known. Use lsgan-half, lsgan-plain, wgan or none.");
  }
}

torch::Tensor AdversarialGame::discriminator_loss(torch::Tensor const& real_scores,
                                                  torch::Tensor const& fake_scores) const {
  if (kind_ == Kind::wgan) return mean_per_patch(fake_scores) - mean_per_patch(real_scores);
  return 0.5 * (mean_per_patch((real_scores - 1).square()) + mean_per_patch(fake_scores.square()));
}

torch::Tensor AdversarialGame::generator_loss(torch::Tensor const& fake_scores) const {
  if (kind_ == Kind::wgan) return -mean_per_patch(fake_scores);
  auto const distance = mean_per_patch((fake_scores - 1).square());
  return kind_ == Kind::lsgan_half ? 0.5 * distance : distance;
}

}  // namespace stfcube::nn
