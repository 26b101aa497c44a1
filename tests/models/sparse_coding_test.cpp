#include "stfcube/models/classical/sparse_coding.hpp"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

std::vector<float> coded(SparseCoder const& coder, std::vector<float> const& signal,
                         CodingSettings const& settings) {
  std::vector<float> code(static_cast<std::size_t>(coder.atoms()));
  coder.code(signal, settings, code);
  return code;
}

TEST(SparseCoder, shrinks_the_codes_of_orthogonal_atoms) {
  SparseCoder const coder(std::vector<float>{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3);
  CodingSettings settings{.threshold = 0.1, .tolerance = 0, .debias = false};
  // tau = 1: every correlation is shrunk by it.
  auto const code = coded(coder, {10, -4, 0.5F}, settings);
  EXPECT_NEAR(code[0], 9, 1e-5);
  EXPECT_NEAR(code[1], -3, 1e-5);
  EXPECT_EQ(code[2], 0);
}

TEST(SparseCoder, fits_the_atoms_found_again_without_the_penalty) {
  SparseCoder const coder(std::vector<float>{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3);
  auto const code = coded(coder, {10, -4, 0.5F}, {});
  EXPECT_NEAR(code[0], 10, 1e-5);
  EXPECT_NEAR(code[1], -4, 1e-5);
  EXPECT_EQ(code[2], 0);
}

TEST(SparseCoder, nothing_is_coded_by_nothing) {
  SparseCoder const coder(std::vector<float>{1, 0, 0, 1}, 2);
  EXPECT_THAT(coded(coder, {0, 0}, {}), Each(0.0F));
  EXPECT_THAT(coded(SparseCoder(std::vector<float>{0, 0, 0, 1}, 2), {3, 0}, {}), ElementsAre(0, 0));
}

TEST(SparseCoder, reaches_the_minimum_of_its_objective) {
  std::mt19937 random(3);
  auto const number = [&] { return static_cast<float>(random() % 2001) / 1000 - 1; };
  int const atoms = 40, dimension = 12;
  std::vector<float> dictionary(static_cast<std::size_t>(atoms * dimension)), signal(12);
  for (float& v : dictionary) v = number();
  for (float& v : signal) v = number();
  CodingSettings const settings{.threshold = 0.2, .tolerance = 0, .iterations = 5000, .debias = false};
  auto const code = coded(SparseCoder(dictionary, dimension), signal, settings);
  std::vector<double> rest(signal.begin(), signal.end());
  std::vector<double> correlation(40);
  auto const at = [&](std::size_t a, std::size_t d) { return dictionary[a * 12 + d]; };
  double largest = 0;
  for (std::size_t a = 0; a < 40; ++a) {
    double product = 0;
    for (std::size_t d = 0; d < 12; ++d) {
      product += at(a, d) * static_cast<double>(signal[d]);
      rest[d] -= static_cast<double>(code[a]) * at(a, d);
    }
    largest = std::max(largest, std::abs(product));
  }
  double const tau = 0.2 * largest;
  int found = 0;
  for (std::size_t a = 0; a < 40; ++a) {
    double gradient = 0;
    for (std::size_t d = 0; d < 12; ++d) gradient += at(a, d) * rest[d];
    EXPECT_LE(std::abs(gradient), tau * 1.001) << a;
    if (code[a] == 0) continue;
    EXPECT_NEAR(gradient, std::copysign(tau, code[a]), 0.002 * tau) << a;
    ++found;
  }
  EXPECT_GT(found, 0);
  EXPECT_LE(found, 12);
}

}  // namespace
}  // namespace stfcube
