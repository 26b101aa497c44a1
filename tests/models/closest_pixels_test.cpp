#include "stfcube/models/classical/closest_pixels.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

/// One fine image of one row, ratio 2.
FusionInput row_of(std::vector<Dn> const& values) {
  int const width = static_cast<int>(values.size());
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, width, 1};
  input.cells = {0, 0, (width + 1) / 2, 1};
  input.ratio = 2;
  input.fine = {{Date{0}}, Stack<Dn>(1, 1, 1, width)};
  std::ranges::copy(values, input.fine.dn.row(0, 0, 0));
  return input;
}

TEST(ClosestPixels, are_those_up_to_the_value_after_the_last) {
  // Differences from 100 at the centre (x = 3): 0.5, 0.03, 0.01, 0, 0.02, 0.03, invalid.
  FusionInput input = row_of({150, 103, 99, 100, 102, 97, no_data_dn});
  ClosestPixels::Found found;
  auto const columns = [&](int most) {
    ClosestPixels const closest(input, 0, input.scene_px, 3, most);
    closest.find(3, 0, found);
    std::vector<int> result;
    for (auto const& place : found.places) result.push_back(place.dx);
    return result;
  };
  EXPECT_THAT(columns(1), ElementsAre(-1, 0));
  EXPECT_THAT(columns(2), ElementsAre(-1, 0, 1));
  // The fourth value occurs twice.
  EXPECT_THAT(columns(3), ElementsAre(-2, -1, 0, 1, 2));
  EXPECT_THAT(columns(9), ElementsAre(-3, -2, -1, 0, 1, 2));
  // d / (s / 2) = 3, 2, 1, 0, 1, 2.
  double const total = 1.0 / 4 + 2.0 / 3 + 1 + 1;
  EXPECT_THAT(found.weights[0], DoubleNear(0.25 / total, 1e-15));
  EXPECT_THAT(found.weights[3], DoubleNear(1 / total, 1e-15));
}

TEST(ClosestPixels, of_an_invalid_pixel_are_none) {
  FusionInput const input = row_of({100, no_data_dn, 100});
  ClosestPixels const closest(input, 0, input.scene_px, 1, 2);
  ClosestPixels::Found found;
  closest.find(1, 0, found);
  EXPECT_TRUE(found.places.empty());
}

}  // namespace
}  // namespace stfcube
