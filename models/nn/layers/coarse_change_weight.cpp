#include "stfcube/models/nn/layers/coarse_change_weight.hpp"

namespace stfcube::nn {
namespace {

/// Mean over a square window, rows and columns apart.
torch::Tensor window_mean(torch::Tensor const& map, int radius) {
  if (radius == 0) return map;
  int const side = 2 * radius + 1;
  auto const rows = torch::avg_pool2d(map, {side, 1}, {1, 1}, {radius, 0}, false, false);
  return torch::avg_pool2d(rows, {1, side}, {1, 1}, {0, radius}, false, false);
}

torch::Tensor change(torch::Tensor const& from, torch::Tensor const& to, int radius) {
  return window_mean((to - from).abs().mean(1, true), radius) + 1e-3;
}

}  // namespace

torch::Tensor coarse_change_weight(torch::Tensor const& coarse_before, torch::Tensor const& coarse_target,
                                   torch::Tensor const& coarse_after, int radius) {
  auto const before = change(coarse_before, coarse_target, radius);
  auto const after = change(coarse_after, coarse_target, radius);
  return after / (before + after);
}

}  // namespace stfcube::nn
