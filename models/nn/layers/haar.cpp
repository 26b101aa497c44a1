#include "stfcube/models/nn/layers/haar.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::indexing::None;
using torch::indexing::Slice;

/// Every second pixel, from row and column on.
Tensor lattice(Tensor const& map, int row, int column) {
  return map.index({Slice(), Slice(), Slice(row, None, 2), Slice(column, None, 2)});
}

/// Puts maps side by side, pixel by pixel: the first one on the even places of the axis.
Tensor interleaved(Tensor const& even, Tensor const& odd, std::int64_t axis) {
  return torch::stack({even, odd}, axis + 1).flatten(axis, axis + 1);
}

}  // namespace

std::array<Tensor, 4> haar_analysis(Tensor const& map) {
  Tensor const a = lattice(map, 0, 0), b = lattice(map, 0, 1), c = lattice(map, 1, 0), d = lattice(map, 1, 1);
  return {(a + b + c + d) / 2, (a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2};
}

Tensor haar_synthesis(std::array<Tensor, 4> const& bands) {
  auto const& [mean, horizontal, vertical, diagonal] = bands;
  Tensor const a = (mean + horizontal + vertical + diagonal) / 2;
  Tensor const b = (mean + horizontal - vertical - diagonal) / 2;
  Tensor const c = (mean - horizontal + vertical - diagonal) / 2;
  Tensor const d = (mean - horizontal - vertical + diagonal) / 2;
  return interleaved(interleaved(a, b, 3), interleaved(c, d, 3), 2);
}

}  // namespace stfcube::nn
