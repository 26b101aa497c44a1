#include "stfcube/partitioning/core/build_info.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

TEST(BuildInfo, version_has_three_numbers) {
  EXPECT_THAT(version(), ::testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(version_described(), ::testing::StartsWith(version()));
  EXPECT_FALSE(torch_version().empty());
}

}  // namespace
}  // namespace stfcube
