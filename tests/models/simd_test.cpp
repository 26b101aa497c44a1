#include "stfcube/models/simd.hpp"

#include <gtest/gtest.h>

namespace stfcube {
namespace {

TEST(Simd, target_has_a_name) {
  EXPECT_FALSE(simd_target().empty());
  EXPECT_NE(simd_target(), "?");
}

}  // namespace
}  // namespace stfcube
