#include "stfcube/models/classical/homogeneity.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

TEST(Homogeneity, is_the_share_of_valid_pixels_with_the_label) {
  std::vector<std::uint8_t> const labels = {0, 0, 1, LabelMap::none, 1};
  Rect const px{0, 0, 5, 1};
  auto const shares = homogeneity({labels, px, 1}, px, px, 1);
  EXPECT_EQ(shares[0], 1);
  EXPECT_EQ(shares[1], 2.0 / 3);
  EXPECT_EQ(shares[2], 0.5);
  EXPECT_TRUE(std::isnan(shares[3]));
  EXPECT_EQ(shares[4], 1);
}

}  // namespace
}  // namespace stfcube
