#include "stfcube/models/nn/layers/box_mean.hpp"

namespace stfcube::nn {

torch::Tensor box_mean(torch::Tensor const& map, int radius) {
  std::int64_t const side = 2 * radius + 1;
  auto const rows = torch::avg_pool2d(map, {side, 1}, 1, {radius, 0}, false, false);
  return torch::avg_pool2d(rows, {1, side}, 1, {0, radius}, false, false);
}

}  // namespace stfcube::nn
