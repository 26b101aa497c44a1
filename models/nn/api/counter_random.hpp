#pragma once

#include <cstdint>

namespace stfcube::nn {

/// Random numbers as a pure function of a key: any split of the work over ranks draws the same ones.
class CounterRandom {
 public:
  CounterRandom(std::uint64_t seed, std::uint64_t step, std::uint64_t sample)
      : key_(mixed(mixed(mixed(seed) ^ step) ^ sample)) {}

  /// The next number of this key, uniform over 64 bits (splitmix64, Steele, Lea & Flood 2014).
  std::uint64_t bits() { return mixed(key_ + ++draws_ * 0x9E3779B97F4A7C15ULL); }

  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Uniform in [0, count); count is far below 2^32.
  std::uint64_t below(std::uint64_t count) { return bits() % count; }

 private:
  static std::uint64_t mixed(std::uint64_t value) {
    value += 0x9E3779B97F4A7C15ULL;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31);
  }

  std::uint64_t key_, draws_ = 0;
};

}  // namespace stfcube::nn
