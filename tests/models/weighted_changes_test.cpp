#include "stfcube/models/classical/weighted_changes.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::DoubleEq;

TEST(WeightedChanges, are_summed_for_any_number_of_values) {
  // Value v at place p: 10 p + v.
  std::vector<double> changes;
  for (int p = 0; p < 3; ++p) {
    for (int v = 0; v < 7; ++v) changes.push_back(10 * p + v);
  }
  std::int32_t const places[2] = {2, 1};
  double const weights[2] = {0.25, 0.75};
  std::vector<double> sums(7), squares(7);
  weighted_changes(changes.data(), 7, places, weights, 2, 7, sums.data(), squares.data());
  for (std::size_t v = 0; v < 7; ++v) {
    auto const d = static_cast<double>(v);
    EXPECT_THAT(sums[v], DoubleEq(12.5 + d));
    EXPECT_THAT(squares[v], DoubleEq(0.25 * (20 + d) * (20 + d) + 0.75 * (10 + d) * (10 + d)));
  }
}

}  // namespace
}  // namespace stfcube
