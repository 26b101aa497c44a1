#include "stfcube/models/classical/uncertainty.hpp"

#include <gtest/gtest.h>

namespace stfcube {
namespace {

TEST(Uncertainty, parts_add_as_variances) {
  EXPECT_EQ(prediction_sigma(0, 0, 0), 0);
  EXPECT_DOUBLE_EQ(prediction_sigma(3, 4, 0), 5);
  EXPECT_DOUBLE_EQ(prediction_sigma(0, 0, 200), 200 * change_error_share);
  EXPECT_EQ(prediction_sigma(1, 2, -30), prediction_sigma(1, 2, 30));
}

}  // namespace
}  // namespace stfcube
