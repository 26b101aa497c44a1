#include "stfcube/models/training_patch.hpp"

#include <gtest/gtest.h>

namespace stfcube {
namespace {

std::vector<Pair> pairs_on(std::vector<int> const& days) {
  std::vector<Pair> pairs;
  for (int i = 0; i < static_cast<int>(days.size()); ++i) pairs.push_back({{days[static_cast<std::size_t>(i)]}, i, i});
  return pairs;
}

TEST(TrainingTriples, have_the_nearest_pairs_of_both_sides) {
  auto const pairs = pairs_on({0, 10, 30, 40});
  std::vector<bool> const all(4, true);
  auto const triples = training_triples(pairs, all, all, 20);
  ASSERT_EQ(triples.size(), 4U);
  EXPECT_EQ(triples[0].first, pairs[1]) << "the later one where there is no earlier one";
  EXPECT_FALSE(triples[0].second);
  EXPECT_EQ(triples[1].first, pairs[0]);
  EXPECT_EQ(triples[1].second, pairs[2]);
  EXPECT_EQ(triples[3].first, pairs[2]);
  EXPECT_FALSE(triples[3].second);
}

TEST(TrainingTriples, leave_out_what_is_withheld_and_what_is_too_far) {
  auto const pairs = pairs_on({0, 10, 30, 60});
  auto const triples = training_triples(pairs, {true, false, true, true}, {true, false, true, true}, 25);
  EXPECT_TRUE(triples.empty());
  auto const judged = training_triples(pairs, {false, true, false, false}, {true, false, true, true}, 25);
  ASSERT_EQ(judged.size(), 1U);
  EXPECT_EQ(judged[0].target, pairs[1]);
  EXPECT_EQ(judged[0].first, pairs[0]);
  EXPECT_EQ(judged[0].second, pairs[2]);
}

/// A scene of 8 x 4 pixels and 2 x 1 cells of one band with two dates; the patch is its right half.
FusionInput two_dates() {
  FusionInput input;
  input.scene_px = {0, 0, 8, 4};
  input.core_px = {4, 0, 4, 4};
  input.padded_px = {0, 0, 8, 4};
  input.cells = {0, 0, 2, 1};
  input.ratio = 4;
  input.fine.dn = Stack<Dn>(2, 1, 4, 8);
  input.coarse.dn = Stack<Dn>(2, 1, 1, 2);
  for (int date = 0; date < 2; ++date) {
    for (int y = 0; y < 4; ++y) {
      for (int x = 0; x < 8; ++x) input.fine.dn.at(date, 0, y, x) = static_cast<Dn>(1000 * (date + 1) + 10 * y + x);
    }
    input.coarse.dn.at(date, 0, 0, 0) = static_cast<Dn>(100 * (date + 1));
    input.coarse.dn.at(date, 0, 0, 1) = static_cast<Dn>(200 * (date + 1));
  }
  return input;
}

TEST(TrainingPatch, holds_target_and_references_in_order) {
  auto const values = training_patch(two_dates(), {{{5}, 1, 1}, {{0}, 0, 0}, std::nullopt});
  ASSERT_EQ(values.size(), 6U * 16);
  EXPECT_EQ(values[0], 2004) << "fine image of the target";
  EXPECT_EQ(values[15], 2037);
  // Centres of the pixels lie at -3/8, -1/8, 1/8, 3/8 cells around the centre of the second cell.
  EXPECT_EQ(values[16], 325) << "coarse image of the target: 5/8 of 400 and 3/8 of 200";
  EXPECT_EQ(values[16 + 3], 400) << "beyond the last cell's centre";
  EXPECT_EQ(values[32], 1004) << "fine image of the reference";
  EXPECT_EQ(values[64], no_data_dn) << "no second reference";
  EXPECT_DOUBLE_EQ(valid_share(values, 4), 1);
  EXPECT_DOUBLE_EQ(valid_share(values, 6), 0);
}

TEST(TrainingPatch, keeps_gaps) {
  auto input = two_dates();
  input.fine.dn.at(1, 0, 2, 5) = no_data_dn;
  auto const values = training_patch(input, {{{5}, 1, 1}, {{0}, 0, 0}, std::nullopt});
  EXPECT_EQ(values[2 * 4 + 1], no_data_dn);
  EXPECT_DOUBLE_EQ(valid_share(values, 4), 15.0 / 16);
}

}  // namespace
}  // namespace stfcube
