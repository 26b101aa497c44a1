#include "stfcube/models/pairs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Date> days(std::vector<int> const& numbers) {
  std::vector<Date> dates;
  for (int n : numbers) dates.push_back({n});
  return dates;
}

TEST(FindPairs, takes_the_nearest_coarse_date_within_the_tolerance) {
  auto const fine = days({10, 20, 30});
  auto const coarse = days({9, 12, 20, 35});
  EXPECT_THAT(find_pairs(fine, coarse, 0), ElementsAre(Pair{{20}, 1, 2}));
  EXPECT_THAT(find_pairs(fine, coarse, 1), ElementsAre(Pair{{10}, 0, 0}, Pair{{20}, 1, 2}));
  EXPECT_THAT(find_pairs(fine, coarse, 5), ElementsAre(Pair{{10}, 0, 0}, Pair{{20}, 1, 2}, Pair{{30}, 2, 3}));
}

TEST(FindPairs, ties_go_to_the_earlier_date) {
  EXPECT_THAT(find_pairs(days({10}), days({8, 12}), 2), ElementsAre(Pair{{10}, 0, 0}));
}

TEST(FindPairs, empty_lists_give_no_pairs) {
  EXPECT_THAT(find_pairs({}, days({1}), 5), IsEmpty());
  EXPECT_THAT(find_pairs(days({1}), {}, 5), IsEmpty());
}

TEST(DateOrder, sides_are_nearest_first_within_the_gap) {
  auto const order = date_order(days({0, 5, 10, 15, 20}), {11}, 6);
  EXPECT_THAT(order.before, ElementsAre(2, 1));
  EXPECT_THAT(order.after, ElementsAre(3));
}

TEST(DateOrder, the_target_date_itself_stands_before) {
  auto const order = date_order(days({9, 10, 11}), {10}, 90);
  EXPECT_THAT(order.before, ElementsAre(1, 0));
  EXPECT_THAT(order.after, ElementsAre(2));
}

TEST(PairOrder, follows_the_dates_of_the_pairs) {
  auto const pairs = find_pairs(days({0, 5, 10, 15}), days({0, 10, 15}), 0);
  auto const order = pair_order(pairs, {12}, 90);
  EXPECT_THAT(order.before, ElementsAre(1, 0));
  EXPECT_THAT(order.after, ElementsAre(2));
}

TEST(NearestFirst, merges_by_distance_and_ties_to_the_earlier) {
  auto const dates = days({0, 6, 8, 12, 20});
  auto const pairs = find_pairs(dates, dates, 0);
  Date const target{10};
  EXPECT_THAT(nearest_first(pairs, pair_order(pairs, target, 90), target), ElementsAre(2, 3, 1, 0, 4));
  EXPECT_THAT(nearest_first(pairs, {}, target), IsEmpty());
}

}  // namespace
}  // namespace stfcube
