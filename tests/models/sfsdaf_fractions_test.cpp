#include "stfcube/models/classical/sfsdaf_fractions.hpp"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

class FractionChange : public ::testing::Test {
 protected:
  // Two bands, three classes.
  FractionUnmixing const unmixing_{{1000, 2000, 400, 3000, 500, 800}, 3};

  std::vector<double> change(std::vector<double> const& fractions,
                             std::vector<double> const& residual) const {
    std::vector<double> result(3);
    unmixing_.change(fractions, residual, result);
    return result;
  }
};

TEST_F(FractionChange, is_found_where_it_explains_everything) {
  // A tenth of the first class becomes the second.
  auto const found = change({0.5, 0.3, 0.2}, {100, -250});
  EXPECT_NEAR(found[0], -0.1, 0.01);
  EXPECT_NEAR(found[1], 0.1, 0.01);
  EXPECT_NEAR(found[2], 0, 0.01);
}

TEST_F(FractionChange, is_none_without_a_residual) {
  for (double const part : change({0.5, 0.3, 0.2}, {0, 0})) EXPECT_NEAR(part, 0, 1e-9);
}

TEST_F(FractionChange, leaves_fractions_from_0_to_1_that_add_up) {
  std::vector<double> const fractions = {0.5, 0.3, 0.2};
  for (auto const& residual :
       {std::vector{5000.0, 9000.0}, std::vector{-9000.0, 300.0}, std::vector{700.0, -900.0}}) {
    auto const found = change(fractions, residual);
    EXPECT_NEAR(std::accumulate(found.begin(), found.end(), 0.0), 0, 1e-12);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_GE(fractions[i] + found[i], 0);
      EXPECT_LE(fractions[i] + found[i], 1 + 1e-12);
    }
  }
}

TEST(FractionChangeOfEqualClasses, is_none) {
  // Nothing tells the classes apart.
  FractionUnmixing const unmixing({700, 700, 700}, 3);
  std::vector<double> found(3);
  unmixing.change(std::vector{0.2, 0.5, 0.3}, std::vector{40.0}, found);
  for (double const part : found) EXPECT_NEAR(part, 0, 0.05);
}

}  // namespace
}  // namespace stfcube
