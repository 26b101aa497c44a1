#include "stfcube/models/classical/principal_components.hpp"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

TEST(PrincipalComponents, variance_decides_how_many_are_kept) {
  // Bands a and b independent with variances 4 and 1, c = a: eigenvalues 8, 1, 0.
  std::array<std::array<int, 3>, 4> const pixels = {{{2, 1, 2}, {2, -1, 2}, {-2, 1, -2}, {-2, -1, -2}}};
  std::vector<ExactSum> sums(10);
  for (auto const& p : pixels) {
    std::size_t at = 0;
    sums[at++] += 1;
    for (int v : p) sums[at++] += v;
    for (std::size_t b = 0; b < 3; ++b) {
      for (std::size_t c = b; c < 3; ++c) sums[at++] += p[b] * p[c];
    }
  }
  auto const one = principal_components(sums, 3, 0.8), two = principal_components(sums, 3, 0.975);
  EXPECT_EQ(one.count, 1);
  EXPECT_EQ(two.count, 2);
  EXPECT_NEAR(std::abs(one.weights[0]), 1 / std::sqrt(16.0), 1e-12);
  EXPECT_NEAR(one.weights[0], one.weights[2], 1e-12);
  EXPECT_NEAR(std::abs(two.weights[4]), 1, 1e-12);
  EXPECT_NEAR(two.weights[3], 0, 1e-12);
}

TEST(PrincipalComponents, constant_and_empty_images_have_none) {
  EXPECT_EQ(principal_components(std::vector<ExactSum>{3, 6, 12}, 1, 1).count, 0);
  EXPECT_EQ(principal_components(std::vector<ExactSum>{0, 0, 0}, 1, 1).count, 0);
}

TEST(PrincipalComponents, are_uncorrelated_with_variance_one) {
  // Exact sums of four bands of correlated whole numbers.
  constexpr std::size_t bands = 4;
  std::vector<std::array<int, bands>> pixels;
  for (int i = 0; i < 97; ++i) pixels.push_back({i * i % 53, i * 7 % 31 + i, i, 3 * i - i * i % 11});
  std::vector<ExactSum> sums(1 + bands + bands * (bands + 1) / 2);
  for (auto const& p : pixels) {
    std::size_t at = 0;
    sums[at++] += 1;
    for (int v : p) sums[at++] += v;
    for (std::size_t b = 0; b < bands; ++b) {
      for (std::size_t c = b; c < bands; ++c) sums[at++] += p[b] * p[c];
    }
  }
  auto const components = principal_components(sums, bands, 1);
  ASSERT_EQ(components.count, 4);
  auto const value = [&](std::size_t k, std::array<int, bands> const& p) {
    double v = 0;
    for (std::size_t b = 0; b < bands; ++b)
      v += components.weights[k * bands + b] * (p[b] - components.mean[b]);
    return v;
  };
  for (std::size_t k = 0; k < bands; ++k) {
    for (std::size_t l = 0; l <= k; ++l) {
      double sum = 0;
      for (auto const& p : pixels) sum += value(k, p) * value(l, p);
      EXPECT_NEAR(sum / static_cast<double>(pixels.size()), k == l ? 1 : 0, 1e-9);
    }
  }
}

}  // namespace
}  // namespace stfcube
