#include "stfcube/models/statistics.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

TEST(Statistics, rows_start_at_zero_and_stay) {
  Statistics statistics;
  EXPECT_TRUE(statistics.find("sums").empty());
  statistics.row("sums", 2)[1] += 5;
  EXPECT_EQ(static_cast<int>(statistics.row("sums", 2)[0]), 0);
  EXPECT_EQ(static_cast<int>(statistics.find("sums")[1]), 5);
  EXPECT_THROW(statistics.row("sums", 3), Error);
}

TEST(Statistics, merging_adds_and_brings_new_rows) {
  Statistics a, b;
  a.row("common", 1)[0] = 1;
  b.row("common", 1)[0] = 41;
  b.row("new", 2)[1] = -7;
  a.merge(b);
  EXPECT_EQ(static_cast<int>(a.find("common")[0]), 42);
  EXPECT_EQ(static_cast<int>(a.find("new")[1]), -7);
  Statistics other;
  other.row("new", 1);
  EXPECT_THROW(a.merge(other), Error);
}

TEST(Statistics, sums_beyond_64_bits_are_exact) {
  Statistics a, b;
  ExactSum const large = ExactSum{1} << 100;
  a.row("x", 1)[0] = large;
  b.row("x", 1)[0] = -large + 3;
  a.merge(b);
  EXPECT_EQ(static_cast<int>(a.find("x")[0]), 3);
}

TEST(Statistics, bytes_go_there_and_back) {
  Statistics statistics;
  statistics.row("a", 3)[2] = -(ExactSum{1} << 90);
  statistics.row("", 1)[0] = 9;
  statistics.row("empty", 0);
  Statistics const copy = Statistics::unpack(statistics.pack());
  EXPECT_TRUE(copy.find("a")[2] == -(ExactSum{1} << 90));
  EXPECT_EQ(static_cast<int>(copy.find("")[0]), 9);
  EXPECT_EQ(copy.pack(), statistics.pack());
  EXPECT_EQ(Statistics().pack(), "");
  EXPECT_TRUE(Statistics::unpack("").find("a").empty());
}

TEST(Statistics, tallies_count_and_merge) {
  Statistics a, b;
  ++a.tally("change")[-5];
  b.tally("change")[-5] += 2;
  ++b.tally("change")[7];
  a.merge(b);
  EXPECT_EQ(a.find_tally("change"), (Tally{{-5, 3}, {7, 1}}));
  EXPECT_TRUE(a.find_tally("other").empty());
  Statistics const copy = Statistics::unpack(a.pack());
  EXPECT_EQ(copy.find_tally("change"), a.find_tally("change"));
}

TEST(Statistics, parts_are_the_whole_again_and_names_keep_their_part) {
  Statistics whole;
  for (int i = 0; i < 20; ++i) {
    whole.row("row " + std::to_string(i), 2)[1] = i;
    whole.tally("tally " + std::to_string(i))[i] = 3;
  }
  auto const parts = whole.split(3);
  Statistics again;
  for (Statistics const& part : parts) again.merge(part);
  EXPECT_EQ(again.pack(), whole.pack());
  Statistics one;
  one.row("row 7", 2);
  auto const of_one = one.split(3);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(of_one[i].find("row 7").empty(), parts[i].find("row 7").empty());
}

TEST(Statistics, quantiles_are_values_of_the_tally) {
  Tally const tally = {{1, 1}, {5, 2}, {9, 1}};
  EXPECT_EQ(quantile(tally, 0.25), 1);
  EXPECT_EQ(quantile(tally, 0.26), 5);
  EXPECT_EQ(quantile(tally, 0.75), 5);
  EXPECT_EQ(quantile(tally, 1.0), 9);
  EXPECT_THROW(quantile({}, 0.5), Error);
}

TEST(Statistics, torn_bytes_are_noticed) {
  Statistics statistics;
  statistics.row("a", 3);
  std::string const bytes = statistics.pack();
  for (std::size_t size : {std::size_t{1}, std::size_t{16}, bytes.size() - 1}) {
    EXPECT_THROW(Statistics::unpack(bytes.substr(0, size)), Error) << size;
  }
}

TEST(PopulationSigma, has_the_golden_values) {
  double const expected[2][3] = {{294.727386, 533.773952, 1071.949422},
                                 {336.665034, 609.044410, 1470.908165}};
  FusionInput const input = testing::golden_input({0, 2});
  for (int date = 0; date < 2; ++date) {
    for (int band = 0; band < 3; ++band) {
      ExactSum n = 0, sum = 0, squares = 0;
      for (Dn const v : input.fine.dn.plane(date, band)) {
        n += 1;
        sum += v;
        squares += v * v;
      }
      EXPECT_NEAR(population_sigma(n, sum, squares), expected[date][band], 5e-7);
    }
  }
}

TEST(PopulationSigma, edges) {
  EXPECT_TRUE(std::isnan(population_sigma(0, 0, 0)));
  EXPECT_EQ(population_sigma(1, 5, 25), 0);
  EXPECT_EQ(population_sigma(2, 0, 18), 3);
  // 10^12 pixels of 16000 and as many of 15998: the numerator needs more than 64 bits.
  ExactSum const half = 1000000000000;
  EXPECT_EQ(population_sigma(2 * half, half * (16000 + 15998), half * (16000 * 16000 + 15998 * 15998)), 1);
}

}  // namespace
}  // namespace stfcube
