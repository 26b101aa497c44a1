#include "stfcube/partitioning/schedule/hilbert.hpp"

#include <utility>

namespace stfcube {

std::uint64_t hilbert_index(int order, std::uint32_t x, std::uint32_t y) {
  std::uint64_t index = 0;
  for (std::uint32_t side = 1U << order >> 1; side > 0; side >>= 1) {
    bool const right = (x & side) != 0;
    bool const lower = (y & side) != 0;
    index += static_cast<std::uint64_t>(side) * side * ((right ? 3U : 0U) ^ (lower ? 1U : 0U));
    if (!lower) {
      // The lower-left and lower-right quadrants of the curve are the pattern mirrored and turned.
      if (right) {
        x = ~x;
        y = ~y;
      }
      std::swap(x, y);
    }
  }
  return index;
}

}  // namespace stfcube
