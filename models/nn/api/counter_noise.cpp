#include "stfcube/models/nn/api/counter_noise.hpp"

#include <cmath>
#include <numbers>

namespace stfcube::nn {
namespace {

double between_zero_and_one(std::uint32_t word) {
  return (word + 0.5) * 0x1p-32;
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    std::uint64_t const first = 0xD2511F53ull * counter[0], second = 0xCD9E8D57ull * counter[2];
    counter = {
        static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
        static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

float CounterNoise::at(int step, int band, std::int64_t row, std::int64_t column) const {
  auto const words =
      philox4x32({static_cast<std::uint32_t>(column), static_cast<std::uint32_t>(row),
                  static_cast<std::uint32_t>(step) * 256u + static_cast<std::uint32_t>(band), member},
                 {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  double const length = std::sqrt(-2 * std::log(between_zero_and_one(words[0])));
  return static_cast<float>(length * std::cos(2 * std::numbers::pi * between_zero_and_one(words[1])));
}

}  // namespace stfcube::nn
