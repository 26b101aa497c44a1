#include "stfcube/models/pair_runs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Pair> const pairs = {{Date{0}, 0, 0}, {Date{10}, 1, 1}, {Date{20}, 2, 2}};
std::vector<Date> const targets = {Date{-1}, Date{2}, Date{8}, Date{12}, Date{40}};

TEST(PairRuns, two_pairs_enclose_a_target_where_they_can) {
  PairPlanner planner(pairs, targets, 2, 15);
  EXPECT_THAT(planner.runs({true, true, true}),
              ElementsAre(PairRun{0, 1, 1, {0, 0}}, PairRun{1, 3, 2, {0, 1}}, PairRun{3, 4, 2, {1, 2}}));
}

TEST(PairRuns, a_pair_that_is_not_usable_is_passed_over) {
  PairPlanner planner(pairs, targets, 2, 15);
  // Day 20 is 18 days from day 2, too far.
  EXPECT_THAT(planner.runs({true, false, true}),
              ElementsAre(PairRun{0, 2, 1, {0, 0}}, PairRun{2, 4, 2, {0, 2}}));
  EXPECT_THAT(planner.runs({false, false, false}), IsEmpty());
}

TEST(PairRuns, one_pair_is_the_nearest_on_either_side) {
  PairPlanner planner(pairs, targets, 1, 15);
  EXPECT_THAT(planner.runs({true, true, true}),
              ElementsAre(PairRun{0, 2, 1, {0, 0}}, PairRun{2, 4, 1, {1, 0}}));
}

TEST(PairRuns, flags_tell_predictions_beyond_the_pairs) {
  EXPECT_EQ(fused_flags({0, 1, 1, {0, 0}}, pairs, Date{0}), quality::fused);
  EXPECT_EQ(fused_flags({0, 1, 1, {0, 0}}, pairs, Date{1}), quality::fused | quality::extrapolated);
  EXPECT_EQ(fused_flags({0, 1, 2, {0, 1}}, pairs, Date{1}), quality::fused);
}

TEST(PairRuns, tiles_know_the_pairs_in_reach_and_the_coarse_images_of_targets) {
  FusionInput input;
  input.fine.dates = {Date{0}, Date{10}, Date{90}};
  input.coarse.dates = {Date{0}, Date{5}, Date{11}, Date{90}};
  input.targets = {Date{5}, Date{6}};
  EXPECT_THAT(pairs_in_reach(input, 1, 20), ElementsAre(Pair{Date{0}, 0, 0}, Pair{Date{10}, 1, 2}));
  EXPECT_THAT(coarse_of_targets(input), ElementsAre(1, -1));
}

}  // namespace
}  // namespace stfcube
