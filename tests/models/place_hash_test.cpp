#include "stfcube/models/place_hash.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

TEST(PlaceHash, is_the_one_of_the_golden_scene) {
  EXPECT_EQ(place_hash(0, 0), 3370569486U);
  for (int const x : {1, 59, 40000, -3}) {
    for (int const y : {0, 7, 100000}) EXPECT_EQ(place_hash(x, y), testing::golden_hash(x, y, 0, 0));
  }
}

TEST(PlaceHash, one_place_in_n_is_chosen_everywhere) {
  for (std::uint32_t const one_in : {2U, 10U, 16U}) {
    for (int const left : {0, 5000, 1 << 20}) {
      int chosen = 0;
      for (int y = 0; y < 200; ++y) {
        for (int x = left; x < left + 200; ++x) chosen += place_hash(x, y) % one_in == 0;
      }
      EXPECT_NEAR(chosen * static_cast<double>(one_in) / 40000, 1, 0.05) << one_in << ' ' << left;
    }
  }
}

}  // namespace
}  // namespace stfcube
