#include "stfcube/models/classical/image_objects.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

TEST(ImageObjects, are_connected_pixels_of_a_class_within_squares) {
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, 6, 4};
  //  0 0 1 | 1 1 0
  //  0 1 1 | 1 . 0
  //  1 1 0 | 0 0 0
  //  -- lattice of 3 --
  //  1 1 1 | 0 0 1
  std::vector<std::int16_t> const labels = {0, 0, 1, 1, 1, 0, 0, 1, 1, 1, -1, 0,
                                            1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0,  1};
  auto const objects = find_objects(input, labels, {0, 0, 6, 4}, 3);
  EXPECT_EQ(objects.count, 8);
  EXPECT_EQ(objects.object[10], -1);
  EXPECT_EQ(objects.object[0], objects.object[6]);
  EXPECT_EQ(objects.object[2], objects.object[12]);
  EXPECT_NE(objects.object[2], objects.object[3]);  // another square
  EXPECT_NE(objects.object[12], objects.object[18]);
  EXPECT_NE(objects.object[0], objects.object[14]);  // not connected
  EXPECT_EQ(objects.object[5], objects.object[15]);
  for (int o = 0; o < objects.count; ++o) {
    for (std::int32_t const i : objects.pixels_of(o))
      EXPECT_EQ(labels[static_cast<std::size_t>(i)], objects.classes[static_cast<std::size_t>(o)]);
  }
}

TEST(ImageObjects, of_a_map_take_the_class_of_most_pixels) {
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, 4, 2};
  input.objects = Stack<std::int32_t>(1, 1, 2, 4);
  int i = 0;
  for (int const id : {7, 7, 9, 9, 7, 9, 7, 9}) input.objects.all()[static_cast<std::size_t>(i++)] = id;
  std::vector<std::int16_t> const labels = {2, 2, 1, 0, 0, 1, 0, 0};
  auto const objects = find_objects(input, labels, {0, 0, 4, 2}, 8);
  ASSERT_EQ(objects.count, 2);
  EXPECT_EQ(objects.classes[0], 0);  // two and two: the lower
  EXPECT_EQ(objects.classes[1], 0);
  // The share of the 3 x 3 window (clipped: 2 x 2) and the distance to the middle of the cell.
  EXPECT_NEAR(object_index(objects, input.scene_px, 2, 0), 0.75 / (1 + std::sqrt(0.5)), 1e-12);
  auto const sample = object_sample(objects, input.scene_px, 2, 0, 0.05);
  ASSERT_EQ(sample.size(), 2U);  // two are equally good
  EXPECT_EQ(sample[0].pixel, 0);
  EXPECT_EQ(object_sample(objects, input.scene_px, 2, 0, 1).size(), 4U);
}

}  // namespace
}  // namespace stfcube
