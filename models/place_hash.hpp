#pragma once

#include <cstdint>

namespace stfcube {

/// A number that looks random, a function of a place alone: samples that depend on it are the same for any
/// tiling. Uniform over its 32 bits. @source specs: conventions, section 11, hash(x, y, 0, 0)
inline std::uint32_t place_hash(int x, int y) {
  std::uint32_t h = (static_cast<std::uint32_t>(x) * 73856093U) ^
                    (static_cast<std::uint32_t>(y) * 19349663U) ^ 83492791U ^ 2654435761U;
  h ^= h >> 16;
  h *= 0x7feb352dU;
  h ^= h >> 15;
  h *= 0x846ca68bU;
  return h ^ (h >> 16);
}

}  // namespace stfcube
