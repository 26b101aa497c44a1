#include "stfcube/models/nn/layers/padding.hpp"

namespace stfcube::nn {

using torch::Tensor;

Tensor padded_to(Tensor const& image, int align) {
  auto const missing = [&](std::int64_t size) { return (align - size % align) % align; };
  std::int64_t const right = missing(image.size(3)), below = missing(image.size(2));
  if (right == 0 && below == 0) return image;
  return torch::replication_pad2d(image, {0, right, 0, below});
}

Tensor cropped_to(Tensor const& image, Tensor const& like) {
  return image.narrow(2, 0, like.size(2)).narrow(3, 0, like.size(3));
}

}  // namespace stfcube::nn
