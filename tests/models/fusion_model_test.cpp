#include "stfcube/models/fusion_model.hpp"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Stored {
  int dn, uncertainty, flags;
  auto operator<=>(Stored const&) const = default;
};
void PrintTo(Stored const& s, std::ostream* out) {
  *out << s.dn << " +- " << s.uncertainty << " flags " << s.flags;
}

Stored stored(double value, double sigma) {
  FusionOutput output(1, 1, 1, 1);
  int const flags = put(output, Quantity{}, 0, 0, 0, 0, value, sigma);
  return {output.dn.at(0, 0, 0, 0), output.uncertainty.at(0, 0, 0, 0), flags};
}

TEST(FusionOutput, starts_as_no_data) {
  FusionOutput const output(2, 3, 4, 5);
  EXPECT_TRUE(std::ranges::all_of(output.dn.all(), [](Dn v) { return v == no_data_dn; }));
  EXPECT_TRUE(std::ranges::all_of(output.uncertainty.all(), [](Dn v) { return v == no_data_dn; }));
  EXPECT_TRUE(std::ranges::all_of(output.quality.all(), [](auto q) { return q == quality::no_data; }));
  EXPECT_EQ(output.quality.bands(), 1);
}

TEST(Put, rounds_half_away_from_zero) {
  EXPECT_EQ(stored(2.5, 1.5), (Stored{3, 2, 0}));
  EXPECT_EQ(stored(-2.5, 1.4), (Stored{-3, 1, 0}));
  EXPECT_EQ(stored(2.4999, 0), (Stored{2, 0, 0}));
}

TEST(Put, clamps_to_the_range_and_says_so) {
  EXPECT_EQ(stored(16000.4, 1), (Stored{16000, 1, 0}));
  EXPECT_EQ(stored(16000.5, 1), (Stored{16000, 1, quality::clamped}));
  EXPECT_EQ(stored(-2001, 1), (Stored{-2000, 1, quality::clamped}));
  EXPECT_EQ(stored(1e9, 1), (Stored{16000, 1, quality::clamped}));
}

TEST(Put, what_is_not_a_number_stays_no_data) {
  EXPECT_EQ(stored(nan, 1), (Stored{no_data_dn, no_data_dn, 0}));
  EXPECT_EQ(stored(infinity, 1), (Stored{no_data_dn, no_data_dn, 0}));
}

TEST(Put, uncertainty_stays_in_its_range) {
  EXPECT_EQ(stored(1, 1e9), (Stored{1, 32767, 0}));
  EXPECT_EQ(stored(1, nan), (Stored{1, 32767, 0}));
  EXPECT_EQ(stored(1, -5), (Stored{1, 0, 0}));
}

TEST(Put, exact_values_are_kept_for_tests) {
  FusionOutput output(1, 1, 1, 1);
  Stack<double> exact(1, 1, 1, 1);
  output.exact = &exact;
  put(output, Quantity{}, 0, 0, 0, 0, 20000.25, 1);
  EXPECT_EQ(exact.at(0, 0, 0, 0), 20000.25);
}

}  // namespace
}  // namespace stfcube
