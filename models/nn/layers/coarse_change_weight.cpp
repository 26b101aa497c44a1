#include "stfcube/models/nn/layers/coarse_change_weight.hpp"

#include "stfcube/models/nn/layers/box_mean.hpp"

namespace stfcube::nn {
namespace {

torch::Tensor change(torch::Tensor const& from, torch::Tensor const& to, int radius) {
  return box_mean((to - from).abs().mean(1, true), radius) + 1e-3;
}

}  // namespace

torch::Tensor coarse_change_weight(torch::Tensor const& coarse_before, torch::Tensor const& coarse_target,
                                   torch::Tensor const& coarse_after, int radius) {
  auto const before = change(coarse_before, coarse_target, radius);
  auto const after = change(coarse_after, coarse_target, radius);
  return after / (before + after);
}

}  // namespace stfcube::nn
