#include "stfcube/models/nn/api/counter_noise.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace stfcube::nn {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST(CounterNoise, philox_gives_the_published_known_answers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(CounterNoise, is_the_transformed_words_of_its_counter) {
  CounterNoise const noise{.seed = 0x299f31d0a4093822, .member = 7};
  auto const words = philox4x32({20, 10, 99 * 256 + 3, 7}, {0xa4093822, 0x299f31d0});
  double const first = (words[0] + 0.5) / 4294967296.0, second = (words[1] + 0.5) / 4294967296.0;
  EXPECT_FLOAT_EQ(noise.at(99, 3, 10, 20),
                  std::sqrt(-2 * std::log(first)) * std::cos(2 * 3.14159265358979323846 * second));
}

TEST(CounterNoise, is_standard_normal) {
  CounterNoise const noise{.seed = 5};
  double sum = 0, squares = 0, fourth = 0, beside = 0;
  int const side = 300;
  for (int row = -side / 2; row < side / 2; ++row) {
    for (int column = -side / 2; column < side / 2; ++column) {
      double const value = noise.at(4, 0, row, column);
      sum += value;
      squares += value * value;
      fourth += std::pow(value, 4);
      beside += value * noise.at(4, 0, row, column + 1);
    }
  }
  double const count = side * side;
  EXPECT_NEAR(sum / count, 0, 4 / std::sqrt(count));
  EXPECT_NEAR(squares / count, 1, 4 * std::sqrt(2 / count));
  EXPECT_NEAR(fourth / count, 3, 4 * std::sqrt(96 / count));
  EXPECT_NEAR(beside / count, 0, 4 / std::sqrt(count));
}

TEST(CounterNoise, differs_by_seed_member_step_band_and_place) {
  std::set<float> values;
  CounterNoise const noise{.seed = 1, .member = 0};
  values.insert(noise.at(1, 0, 5, 6));
  values.insert(noise.at(1, 1, 5, 6));
  values.insert(noise.at(2, 0, 5, 6));
  values.insert(noise.at(1, 0, 6, 5));
  values.insert(noise.at(1, 0, -5, 6));
  values.insert(CounterNoise{.seed = 1, .member = 1}.at(1, 0, 5, 6));
  values.insert(CounterNoise{.seed = 2, .member = 0}.at(1, 0, 5, 6));
  values.insert(CounterNoise{.seed = 1ull << 32 | 1, .member = 0}.at(1, 0, 5, 6));
  EXPECT_EQ(values.size(), 8u);
}

}  // namespace
}  // namespace stfcube::nn
