#pragma once

#include <array>
#include <cstdint>

namespace stfcube::nn {

/// The generator Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011: Parallel random numbers: as easy as 1, 2,
/// 3): four words that depend on counter and key alone.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// Gaussian noise that is a function of the place in the scene: overlapping patches, any blocks and any
/// number of ranks see the same. Seamless inference, section 6.
struct CounterNoise {
  std::uint64_t seed = 0;
  std::uint32_t member = 0;  ///< of an ensemble

  /// Standard normal.
  /// @param step 0 <= step < 2^24; networks of diffusion begin with the length of their schedule and add
  /// noise
  ///        after step t with t
  /// @param band 0 <= band < 256
  /// @param row, column of the fine pixel in the scene; negative outside
  float at(int step, int band, std::int64_t row, std::int64_t column) const;
};

}  // namespace stfcube::nn
