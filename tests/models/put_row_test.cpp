#include "stfcube/models/classical/put_row.hpp"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

/// Values around every half and every edge, and what is no number.
std::vector<double> hard_values() {
  std::vector<double> values = {0.49999999999999994,
                                -0.49999999999999994,
                                1e300,
                                -1e300,
                                -0.0,
                                std::numeric_limits<double>::quiet_NaN(),
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity(),
                                32766.5,
                                32767.5,
                                1e-300};
  for (double const edge : {-2000.0, 16000.0, 0.0, 1.0, -7.0, 250.0}) {
    for (double const off : {-1.0, -0.5, -0.49999, 0.0, 0.25, 0.49999, 0.5, 0.50001, 1.0})
      values.push_back(edge + off);
  }
  return values;
}

void expect_equal_to_put(Quantity const& range) {
  auto const values = hard_values();
  auto sigmas = values;
  std::ranges::rotate(sigmas, sigmas.begin() + 5);
  int const n = static_cast<int>(values.size());
  FusionOutput row(1, 1, 1, n + 3), single(1, 1, 1, n + 3);
  std::vector<quality::Flags> flags(values.size(), quality::fused);
  put_row(row, range, {0, 0, 0, 2}, values, sigmas, flags.data());
  for (int i = 0; i < n; ++i) {
    auto const at = static_cast<std::size_t>(i);
    quality::Flags const added = put(single, range, 0, 0, 0, i + 2, values[at], sigmas[at]);
    EXPECT_EQ(flags[at], quality::fused | added) << values[at];
  }
  EXPECT_TRUE(std::ranges::equal(row.dn.all(), single.dn.all()));
  EXPECT_TRUE(std::ranges::equal(row.uncertainty.all(), single.uncertainty.all()));
}

TEST(PutRow, equals_put_value_by_value) {
  expect_equal_to_put({});
  Quantity positive;
  positive.lowest = 1;
  positive.highest = 250;
  expect_equal_to_put(positive);
  Quantity negative;
  negative.lowest = -2000;
  negative.highest = -7;
  expect_equal_to_put(negative);
}

TEST(PutRow, keeps_unrounded_values_for_tests) {
  FusionOutput output(1, 2, 2, 4);
  Stack<double> exact(1, 2, 2, 4);
  output.exact = &exact;
  quality::Flags flags[2] = {};
  put_row(output, {}, {0, 1, 1, 2}, std::vector<double>{1.25, 2.5}, std::vector<double>{1, 1}, flags);
  EXPECT_EQ(exact.at(0, 1, 1, 2), 1.25);
  EXPECT_EQ(exact.at(0, 1, 1, 3), 2.5);
}

}  // namespace
}  // namespace stfcube
