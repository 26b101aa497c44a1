#include "stfcube/models/nn/training/adamw.hpp"

#include <cmath>
#include <utility>

namespace stfcube::nn {

AdamW::AdamW(torch::Tensor values, double beta1, double beta2, double weight_decay)
    : values_(std::move(values)),
      first_(torch::zeros_like(values_)),
      second_(torch::zeros_like(values_)),
      beta1_(beta1),
      beta2_(beta2),
      weight_decay_(weight_decay) {}

void AdamW::step(torch::Tensor const& gradients, double learning_rate) {
  torch::NoGradGuard const fixed;
  ++steps_;
  double const count = static_cast<double>(steps_);
  first_.mul_(beta1_).add_(gradients, 1 - beta1_);
  second_.mul_(beta2_).addcmul_(gradients, gradients, 1 - beta2_);
  auto const spread = (second_ / (1 - std::pow(beta2_, count))).sqrt_().add_(1e-8);
  values_.mul_(1 - learning_rate * weight_decay_);
  values_.addcdiv_(first_, spread, -learning_rate / (1 - std::pow(beta1_, count)));
}

}  // namespace stfcube::nn
