#include "stfcube/partitioning/core/stack.hpp"

#include <cstdint>
#include <numeric>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

TEST(Stack, is_row_major_without_padding) {
  Stack<std::int16_t> stack(2, 3, 4, 5);
  EXPECT_EQ(stack.size(), 120U);
  EXPECT_EQ(stack.bytes(), 240U);
  EXPECT_EQ(stack.plane_size(), 20U);
  std::iota(stack.all().begin(), stack.all().end(), std::int16_t{0});
  EXPECT_EQ(stack.at(0, 0, 0, 4), 4);
  EXPECT_EQ(stack.at(0, 0, 1, 0), 5);
  EXPECT_EQ(stack.at(0, 1, 0, 0), 20);
  EXPECT_EQ(stack.at(1, 0, 0, 0), 60);
  EXPECT_EQ(stack.at(1, 2, 3, 4), 119);
  EXPECT_EQ(stack.plane(1, 2).front(), 100);
  EXPECT_EQ(stack.row(1, 2, 1)[1], 106);
}

TEST(Stack, default_is_empty) {
  Stack<std::uint8_t> const empty;
  EXPECT_EQ(empty.size(), 0U);
  EXPECT_TRUE(empty.all().empty());
}

TEST(Stack, fill_reaches_every_value) {
  Stack<int> stack(2, 2, 2, 2);
  stack.fill(7);
  for (int const value : stack.all()) EXPECT_EQ(value, 7);
}

TEST(Stack, later_dates_can_be_forgotten) {
  Stack<int> stack(3, 1, 1, 2);
  std::iota(stack.all().begin(), stack.all().end(), 0);
  stack.keep_dates(2);
  EXPECT_EQ(stack.dates(), 2);
  EXPECT_EQ(stack.size(), 4U);
  EXPECT_EQ(stack.at(1, 0, 0, 1), 3);
  stack.keep_dates(5);
  EXPECT_EQ(stack.dates(), 2);
}

}  // namespace
}  // namespace stfcube
