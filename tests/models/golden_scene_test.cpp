// The golden scene is only worth something when it is the one of the specs.
#include "stfcube/tests/support/golden_scene.hpp"

#include <array>

#include <gtest/gtest.h>

namespace stfcube::testing {
namespace {

std::array<std::int64_t, 3> sums(SceneSeries const& series, int date) {
  std::array<std::int64_t, 3> sums{};
  for (int band = 0; band < 3; ++band) {
    for (Dn const value : series.dn.plane(date, band)) sums[static_cast<std::size_t>(band)] += value;
  }
  return sums;
}

TEST(GoldenScene, hash_has_the_published_values) {
  EXPECT_EQ(golden_hash(0, 0, 0, 0), 3370569486U);
  EXPECT_EQ(golden_hash(1, 2, 1, 7), 3940331935U);
  EXPECT_EQ(golden_hash(59, 59, 2, 105), 1662349393U);
}

TEST(GoldenScene, images_have_the_published_sums) {
  FusionInput const input = golden_input({0, 1, 2});
  using Sums = std::array<std::int64_t, 3>;
  EXPECT_EQ(sums(input.fine, 0), (Sums{2517553, 2695080, 5959179}));
  EXPECT_EQ(sums(input.fine, 1), (Sums{2614314, 2782144, 7007914}));
  EXPECT_EQ(sums(input.fine, 2), (Sums{2437374, 2577508, 7319714}));
  EXPECT_EQ(sums(input.coarse, 0), (Sums{26061, 26404, 61026}));
  EXPECT_EQ(sums(input.coarse, 1), (Sums{27074, 27289, 71541}));
  EXPECT_EQ(sums(input.coarse, 2), (Sums{25276, 25244, 74601}));
}

TEST(GoldenScene, cells_have_the_published_values) {
  std::array<int, 3> const corner = {477, 330, 598};
  std::array<int, 3> const inside = {742, 758, 1750};
  for (int band = 0; band < 3; ++band) {
    EXPECT_EQ(golden_coarse(1, band, 0, 0), corner[static_cast<std::size_t>(band)]);
    EXPECT_EQ(golden_coarse(1, band, 3, 5), inside[static_cast<std::size_t>(band)]);
  }
}

}  // namespace
}  // namespace stfcube::testing
