#include "stfcube/models/simd.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

TEST(Simd, target_has_a_name) {
  EXPECT_FALSE(simd_target().empty());
  EXPECT_NE(simd_target(), "?");
}

TEST(Simd, another_target_can_be_used_and_left_again) {
  std::string const best = simd_target();
  for (std::string const& name : simd_targets()) {
    use_simd_target(name);
    EXPECT_EQ(simd_target(), name);
  }
  use_simd_target("");
  EXPECT_EQ(simd_target(), best);
  EXPECT_THROW(use_simd_target("abacus"), Error);
}

}  // namespace
}  // namespace stfcube
