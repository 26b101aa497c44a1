#include "stfcube/models/classical/pair_candidates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;

std::vector<int> days(std::vector<Pair> const& pairs) {
  std::vector<int> list;
  for (Pair const& pair : pairs) list.push_back(pair.date.days);
  return list;
}

TEST(PairCandidates, come_from_both_sides_in_turn) {
  std::vector<Pair> pairs;
  for (int const day : {0, 6, 8, 20, 40, 300}) pairs.push_back({.date = Date{day}});
  EXPECT_THAT(days(pair_candidates(pairs, Date{10}, 90, 9)), ElementsAre(8, 20, 6, 40, 0));
  EXPECT_THAT(days(pair_candidates(pairs, Date{10}, 90, 3)), ElementsAre(8, 20, 6));
  EXPECT_THAT(days(pair_candidates(pairs, Date{400}, 90, 3)), ElementsAre());
  EXPECT_THAT(days(pair_candidates(pairs, Date{310}, 90, 3)), ElementsAre(300));
}

TEST(PairCandidates, first_of_a_set) {
  EXPECT_EQ(first_of(0b101101, 2), 0b000101U);
  EXPECT_EQ(first_of(0b101101, 9), 0b101101U);
  EXPECT_EQ(first_of(0, 2), 0U);
}

}  // namespace
}  // namespace stfcube
