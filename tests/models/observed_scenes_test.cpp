#include "stfcube/models/observed_scenes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ObservedScenesTest : public ::testing::Test {
 protected:
  std::vector<ObservedScenes> calls(Observed what) const {
    return observed_scenes(what, pairs, coarse, targets, 10);
  }

  std::vector<Date> coarse = {Date{0}, Date{8}, Date{16}, Date{24}};
  std::vector<Pair> pairs = {{Date{0}, 0, 0}, {Date{16}, 1, 2}, {Date{24}, 2, 3}};
  std::vector<Date> targets = {Date{4}, Date{8}, Date{20}};
};

TEST_F(ObservedScenesTest, pairs_come_one_by_one) {
  auto const all = calls(Observed::pair);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_THAT(all[1].fine, ElementsAre(1));
  EXPECT_THAT(all[1].coarse, ElementsAre(2));
  EXPECT_THAT(all[1].targets, IsEmpty());
}

TEST_F(ObservedScenesTest, targets_come_with_the_pairs_that_reach_them) {
  auto const all = calls(Observed::pair_and_targets);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_THAT(all[0].targets, ElementsAre(Date{4}, Date{8}));
  EXPECT_THAT(all[0].coarse, ElementsAre(0, 1));  // nothing was seen on day 4
  EXPECT_THAT(all[1].targets, ElementsAre(Date{8}, Date{20}));
  EXPECT_THAT(all[1].coarse, ElementsAre(1, 2));
  EXPECT_THAT(all[2].targets, ElementsAre(Date{20}));
}

TEST_F(ObservedScenesTest, neighbours_come_with_what_lies_between) {
  auto const all = calls(Observed::neighbouring_pairs);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[0].fine, ElementsAre(0, 1));
  EXPECT_THAT(all[0].coarse, ElementsAre(0, 1, 2));
  EXPECT_THAT(all[0].targets, ElementsAre(Date{4}, Date{8}));
  EXPECT_THAT(all[1].targets, ElementsAre(Date{20}));
  pairs.resize(1);
  EXPECT_THAT(calls(Observed::neighbouring_pairs), IsEmpty());
}

TEST_F(ObservedScenesTest, neighbours_come_with_the_coarse_series_between) {
  targets = {Date{4}};
  auto const all = calls(Observed::pairs_and_between);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[0].coarse, ElementsAre(0, 1, 2));
  EXPECT_THAT(all[1].coarse, ElementsAre(2, 3));
  EXPECT_THAT(all[0].targets, ElementsAre(Date{4}));
  EXPECT_THAT(calls(Observed::neighbouring_pairs)[0].coarse, ElementsAre(0, 2));
}

TEST_F(ObservedScenesTest, coarse_series_has_no_fine_image) {
  auto const all = calls(Observed::coarse_series);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_THAT(all[0].fine, ElementsAre(0, 1, 2));
  EXPECT_FALSE(all[0].fine_images);
  EXPECT_THAT(all[0].coarse, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(all[0].targets, ElementsAre(Date{4}, Date{8}, Date{20}));
}

}  // namespace
}  // namespace stfcube
