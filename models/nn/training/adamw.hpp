#pragma once

#include <cstdint>

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019) on one flat tensor.
class AdamW {
 public:
  /// @param values  what is optimised, [n]; changed in place
  AdamW(torch::Tensor values, double beta1, double beta2, double weight_decay);

  void step(torch::Tensor const& gradients, double learning_rate);

  torch::Tensor const& first_moment() const { return first_; }
  torch::Tensor const& second_moment() const { return second_; }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  torch::Tensor values_, first_, second_;
  double beta1_, beta2_, weight_decay_;
  std::int64_t steps_ = 0;
};

}  // namespace stfcube::nn
