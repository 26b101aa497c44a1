#include "stfcube/models/nn/layers/resize.hpp"

namespace stfcube::nn {

torch::Tensor resized(torch::Tensor const& map, std::int64_t height, std::int64_t width) {
  return torch::upsample_bilinear2d(map, {height, width}, false);
}

torch::Tensor enlarged(torch::Tensor const& map, int factor) {
  return resized(map, map.size(2) * factor, map.size(3) * factor);
}

}  // namespace stfcube::nn
