#include "stfcube/partitioning/grid/rect.hpp"

#include <gtest/gtest.h>

namespace stfcube {
namespace {

TEST(Rect, edges_and_area) {
  Rect const r{2, 3, 4, 5};
  EXPECT_EQ(r.right(), 6);
  EXPECT_EQ(r.bottom(), 8);
  EXPECT_EQ(r.area(), 20);
  EXPECT_FALSE(r.empty());
  EXPECT_TRUE((Rect{1, 1, 0, 5}.empty()));
  EXPECT_EQ((Rect{1, 1, -2, 5}.area()), 0);
  EXPECT_EQ((Rect{0, 0, 1 << 20, 1 << 20}.area()), std::int64_t{1} << 40);
}

TEST(Rect, contains_includes_itself) {
  Rect const r{0, 0, 10, 10};
  EXPECT_TRUE(r.contains(r));
  EXPECT_TRUE(r.contains({9, 9, 1, 1}));
  EXPECT_FALSE(r.contains({9, 9, 2, 1}));
  EXPECT_FALSE(r.contains({-1, 0, 1, 1}));
}

TEST(Rect, intersection_is_common_and_may_be_empty) {
  EXPECT_EQ(intersect({0, 0, 10, 10}, {5, 6, 10, 10}), (Rect{5, 6, 5, 4}));
  EXPECT_TRUE(intersect({0, 0, 10, 10}, {10, 0, 5, 5}).empty());
  Rect const far = intersect({0, 0, 10, 10}, {50, 50, 5, 5});
  EXPECT_EQ(far.width, 0);
  EXPECT_EQ(far.height, 0);
}

TEST(Rect, grow_reaches_outside) {
  EXPECT_EQ(grow({1, 2, 3, 4}, 5), (Rect{-4, -3, 13, 14}));
}

TEST(Rect, alignment_holds_and_is_smallest) {
  EXPECT_EQ(align_outward({0, 0, 16, 16}, 16), (Rect{0, 0, 16, 16}));
  EXPECT_EQ(align_outward({1, 15, 1, 2}, 16), (Rect{0, 0, 16, 32}));
  for (int step : {1, 3, 16}) {
    for (int x = -40; x <= 40; ++x) {
      for (int width = 1; width <= 20; ++width) {
        Rect const r{x, -x, width, width};
        Rect const aligned = align_outward(r, step);
        ASSERT_TRUE(aligned.contains(r)) << x << ' ' << width << ' ' << step;
        ASSERT_EQ(aligned.x % step, 0);
        ASSERT_EQ(aligned.bottom() % step, 0);
        ASSERT_LT(r.x - aligned.x, step);
        ASSERT_LT(aligned.right() - r.right(), step);
        ASSERT_LT(r.y - aligned.y, step);
        ASSERT_LT(aligned.bottom() - r.bottom(), step);
      }
    }
  }
}

}  // namespace
}  // namespace stfcube
