#include "stfcube/models/nn/layers/sizes.hpp"

#include <algorithm>

namespace stfcube::nn {
namespace {

std::int64_t next_multiple(std::int64_t side, int multiple, int least) {
  std::int64_t const wanted = std::max<std::int64_t>(side, least);
  return (wanted + multiple - 1) / multiple * multiple;
}

}  // namespace

torch::Tensor filled_up(torch::Tensor const& image, int multiple, int least) {
  std::int64_t const height = image.size(-2), width = image.size(-1);
  std::int64_t const down = next_multiple(height, multiple, least) - height;
  std::int64_t const right = next_multiple(width, multiple, least) - width;
  if (down == 0 && right == 0) return image;
  namespace functional = torch::nn::functional;
  auto shape = image.sizes().vec();
  auto const planes = image.reshape({-1, shape[shape.size() - 3], height, width});
  auto const filled =
      functional::pad(planes, functional::PadFuncOptions({0, right, 0, down}).mode(torch::kReplicate));
  shape.end()[-2] = height + down;
  shape.end()[-1] = width + right;
  return filled.reshape(shape);
}

torch::Tensor cut_to(torch::Tensor const& image, torch::Tensor const& model) {
  return image.narrow(-2, 0, model.size(-2)).narrow(-1, 0, model.size(-1));
}

}  // namespace stfcube::nn
