#include "stfcube/models/classical/window_sums.hpp"

#include <cmath>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/aligned_array.hpp"
#include "stfcube/models/simd.hpp"

namespace stfcube {
namespace {

constexpr int pitch = 83, rows = 60;
constexpr std::size_t raster = pitch * rows;

/// Values of 0 to 99, and now and then none.
AlignedArray<Dn> random_plane(unsigned seed, bool gaps) {
  std::mt19937 random(seed);
  AlignedArray<Dn> plane(raster);
  for (std::size_t i = 0; i < raster; ++i) {
    bool const gap = gaps && random() % 9 == 0;
    plane[i] = gap ? no_data_dn : static_cast<Dn>(random() % 100);
  }
  return plane;
}

/// Some codes of a window of 41 px, ascending.
std::vector<std::uint16_t> some_codes() {
  std::vector<std::uint16_t> codes;
  for (int row = 0; row < 41; ++row) {
    for (int column = row % 3; column < 41; column += 4)
      codes.push_back(static_cast<std::uint16_t>(row * pitch + column));
  }
  return codes;
}

class WindowSums : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { use_simd_target(GetParam()); }
  void TearDown() override { use_simd_target(""); }
};
INSTANTIATE_TEST_SUITE_P(Targets, WindowSums, ::testing::ValuesIn(simd_targets()));

TEST_P(WindowSums, similar_pixels_are_near_in_all_images) {
  auto const first = random_plane(1, true), second = random_plane(2, false);
  for (int const window : {1, 7, 33, 51}) {
    for (std::size_t const at : {std::size_t{0}, std::size_t{5 * pitch + 9}}) {
      std::vector<SimilarImage> const images = {{first.data() + at, 50, 20}, {second.data() + at, 30, 25}};
      std::vector<std::uint16_t> expected;
      for (int row = 0; row < window; ++row) {
        for (int column = 0; column < window; ++column) {
          std::size_t const code = static_cast<std::size_t>(row * pitch + column);
          if (first[at + code] != no_data_dn && std::abs(first[at + code] - 50) <= 20 &&
              std::abs(second[at + code] - 30) <= 25)
            expected.push_back(static_cast<std::uint16_t>(code));
        }
      }
      AlignedArray<std::uint16_t> codes(static_cast<std::size_t>(window * window) + 64);
      std::size_t const count = find_similar(images, window, pitch, codes.data());
      EXPECT_EQ(std::vector<std::uint16_t>(codes.data(), codes.data() + count), expected) << window;
    }
  }
}

TEST_P(WindowSums, limits_beyond_the_range_of_values_hold_everything_but_gaps) {
  AlignedArray<Dn> plane(raster);
  std::fill_n(plane.data(), raster, Dn{32767});
  plane[1] = -32767;
  plane[2] = no_data_dn;
  AlignedArray<std::uint16_t> codes(128);
  std::vector<SimilarImage> const images = {{plane.data(), 32767, 65535}};
  EXPECT_EQ(find_similar(images, 3, pitch, codes.data()), 8U);
  EXPECT_EQ(codes[2], pitch);
}

TEST_P(WindowSums, unlikeness_is_one_less_the_correlation) {
  std::vector<AlignedArray<Dn>> planes;
  for (unsigned i = 0; i < 8; ++i) planes.push_back(random_plane(10 + i, false));
  for (std::size_t j = 0; j < 4; ++j) planes[j][6] = 70;  // fine values that do not vary
  for (std::size_t j = 0; j < 4; ++j) planes[4 + j][7] = static_cast<Dn>(2 * planes[j][7] + 3);
  std::vector<Dn const*> fine, coarse;
  for (std::size_t j = 0; j < 4; ++j)
    fine.push_back(planes[j].data()), coarse.push_back(planes[4 + j].data());
  std::vector<double> result(20, -1);
  spectral_unlikeness(fine, coarse, 19, result.data());
  EXPECT_EQ(result[19], -1);
  EXPECT_EQ(result[6], 0.5);
  EXPECT_NEAR(result[7], 0, 1e-15);
  double fm = 0, cm = 0, ff = 0, cc = 0, fc = 0;
  for (std::size_t j = 0; j < 4; ++j) fm += fine[j][18] / 4.0, cm += coarse[j][18] / 4.0;
  for (std::size_t j = 0; j < 4; ++j) {
    ff += (fine[j][18] - fm) * (fine[j][18] - fm), cc += (coarse[j][18] - cm) * (coarse[j][18] - cm);
    fc += (fine[j][18] - fm) * (coarse[j][18] - cm);
  }
  EXPECT_NEAR(result[18], 1 - fc / std::sqrt(ff * cc), 1e-12);
}

TEST_P(WindowSums, unlikeness_of_one_band_is_the_relative_difference) {
  Dn const f0[] = {100, -10, 0}, f1[] = {300, 100, 0}, c0[] = {300, 10, 0}, c1[] = {300, 100, 5};
  std::vector<Dn const*> const fine = {f0, f1}, coarse = {c0, c1};
  double result[3];
  spectral_unlikeness(fine, coarse, 3, result);
  EXPECT_DOUBLE_EQ(result[0], 0.25);
  EXPECT_DOUBLE_EQ(result[1], 0.5);  // a denominator of 0 counts as 1
  EXPECT_DOUBLE_EQ(result[2], 1);
}

TEST_P(WindowSums, sums_are_those_of_plain_loops) {
  auto const codes = some_codes();
  constexpr int stride = 24;
  std::mt19937 random(3);
  AlignedArray<Dn> x(raster * stride), y(raster * stride);
  AlignedArray<double> estimates(raster * stride);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<Dn>(static_cast<int>(random() % 60000) - 30000);
    y[i] = static_cast<Dn>(static_cast<int>(random() % 60000) - 30000);
    estimates[i] = y[i] + static_cast<double>(random() % 1000) / 7;
  }
  std::vector<double> unlike(raster), distance(raster), weights(codes.size() + 64);
  for (std::size_t i = 0; i < raster; ++i)
    unlike[i] = static_cast<double>(random() % 1000) / 999,
    distance[i] = 1 + static_cast<double>(i % 83) / 25;
  similarity_weights(codes.data(), codes.size(), unlike.data(), distance.data(), weights.data());
  for (std::size_t i = 0; i < codes.size(); ++i)
    ASSERT_EQ(weights[i], 1.0 / (unlike[codes[i]] * distance[codes[i]] + 1e-7));

  std::vector<double> sums(stride), values(stride), sy(stride), xx(stride), xy(stride), yy(stride);
  std::vector<double> spread(codes.size() * stride), ew(stride), ee(stride), ef(stride), es(stride);
  for (std::size_t i = 0; i < spread.size(); ++i) spread[i] = static_cast<double>(i % 17) + 0.3;
  double const total =
      sum_weighted(codes.data(), weights.data(), codes.size(), x.data(), stride, stride, sums.data());
  sum_values(codes.data(), codes.size(), x.data(), stride, stride, values.data());
  sum_products(codes.data(), codes.size(), x.data(), stride, y.data(), stride, stride,
               {sy.data(), xx.data(), xy.data(), yy.data()});
  sum_estimates(codes.data(), spread.data(), codes.size(), estimates.data(), y.data(), stride,
                {ew.data(), ee.data(), ef.data(), es.data()});
  double expected_total = 0;
  for (std::size_t i = 0; i < codes.size(); ++i) expected_total += weights[i];
  EXPECT_EQ(total, expected_total);
  for (std::size_t lane = 0; lane < stride; ++lane) {
    double sum = 0, value = 0, b = 0, aa = 0, ab = 0, bb = 0, w = 0, we = 0, wf = 0, ws = 0;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      std::size_t const at = codes[i] * std::size_t{stride} + lane;
      sum += weights[i] * x[at];
      value += x[at], b += y[at], aa += double(x[at]) * x[at], ab += double(x[at]) * y[at],
          bb += double(y[at]) * y[at];
      double const own = spread[i * stride + lane], change = estimates[at] - y[at];
      w += own, we += own * estimates[at], wf += own * y[at], ws += own * (change * change);
    }
    ASSERT_EQ(sums[lane], sum);
    ASSERT_EQ(values[lane], value);
    ASSERT_EQ(sy[lane], b);
    ASSERT_EQ(xx[lane], aa);
    ASSERT_EQ(xy[lane], ab);
    ASSERT_EQ(yy[lane], bb);
    ASSERT_EQ(ew[lane], w);
    ASSERT_EQ(ee[lane], we);
    ASSERT_EQ(ef[lane], wf);
    ASSERT_EQ(es[lane], ws);
  }
  // Part of the lanes.
  std::vector<double> part(8);
  sum_weighted(codes.data(), weights.data(), codes.size(), x.data() + 16, stride, 8, part.data());
  EXPECT_TRUE(std::equal(part.begin(), part.end(), sums.begin() + 16));
}

}  // namespace
}  // namespace stfcube
