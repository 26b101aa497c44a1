#pragma once

#include <cstdint>

namespace stfcube {

/// Counter-based random numbers: a value is a pure function of seed, stream and counters, so that any part of
/// a scene can be made by anyone in any order. The mixer is that of SplitMix64 (Steele et al. 2014,
/// doi:10.1145/2714064.2660195).
class RandomField {
 public:
  RandomField(std::uint64_t seed, std::uint64_t stream) : key_(scramble(seed ^ scramble(stream + weyl))) {}

  /// A field of its own for each `index`, such as a date or a band.
  RandomField sub(std::int64_t index) const { return RandomField(key_, static_cast<std::uint64_t>(index)); }

  std::uint64_t bits(std::int64_t a, std::int64_t b = 0) const {
    return scramble(key_ + static_cast<std::uint64_t>(a) * weyl +
                    static_cast<std::uint64_t>(b) * 0xC2B2AE3D27D4EB4FULL);
  }
  /// 0 <= value < 1.
  double uniform(std::int64_t a, std::int64_t b = 0) const {
    return static_cast<double>(bits(a, b) >> 11) * 0x1p-53;
  }
  /// Mean 0, standard deviation 1, at most 3.5 in size: the sum of four uniform numbers.
  float normal(std::int64_t a, std::int64_t b = 0) const {
    std::uint64_t const word = bits(a, b);
    auto const sum = static_cast<std::int32_t>((word & 0xFFFF) + ((word >> 16) & 0xFFFF) +
                                               ((word >> 32) & 0xFFFF) + (word >> 48));
    return static_cast<float>(sum - 2 * 0xFFFF) * (1.7320508F / 65536.0F);
  }

 private:
  static constexpr std::uint64_t weyl = 0x9E3779B97F4A7C15ULL;
  static std::uint64_t scramble(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  std::uint64_t key_;
};

/// Smooth noise with features of size 1: mean 0, standard deviation about 1, never above 2.3 in size; two
/// continuous derivatives. Pure.
double smooth_noise(RandomField const& field, double x, double y);
double smooth_noise(RandomField const& field, double x);

/// Sum of `octaves` smooth fields, each of half the size and half the height of the one before, turned
/// against each other so that no lattice shows; standard deviation about 1.
double fractal_noise(RandomField const& field, double x, double y, int octaves);

}  // namespace stfcube
