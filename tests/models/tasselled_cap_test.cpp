#include "stfcube/models/classical/tasselled_cap.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TasselledCap, is_the_weighted_sum_in_sixteenths) {
  // 1000 DN in one band at a time.
  std::array<Dn, 6> const blue = {1000, 0, 0, 0, 0, 0}, nir = {0, 0, 0, 1000, 0, 0};
  EXPECT_THAT(landsat_tasselled_cap(blue).value, ElementsAre(4859, -4557, 2414, 0));
  EXPECT_THAT(landsat_tasselled_cap(nir).value, ElementsAre(8936, 11589, 5450, 160000));
  EXPECT_THAT(modis_tasselled_cap(blue).value, ElementsAre(5366, -3406, 8104, 0));
  EXPECT_THAT(modis_tasselled_cap(nir).value, ElementsAre(7549, 9523, 1459, 160000));
  EXPECT_THAT(modis_tasselled_cap({0, 0, 1000, 0, 0, 0}).value, ElementsAre(6330, -5438, 1734, -160000));
  EXPECT_THAT(landsat_tasselled_cap({0, 0, 0, 0, 0, 1000}).value, ElementsAre(2981, -2880, -7315, 0));
}

TEST(TasselledCap, the_vegetation_index_is_defined_for_dark_and_negative_values) {
  EXPECT_EQ(landsat_tasselled_cap({0, 0, 100, 300, 0, 0}).value[TasselledCap::vegetation], 80000);
  EXPECT_EQ(landsat_tasselled_cap({0, 0, 0, 0, 0, 0}).value[TasselledCap::vegetation], 0);
  EXPECT_EQ(landsat_tasselled_cap({0, 0, -300, 100, 0, 0}).value[TasselledCap::vegetation], 0);
  EXPECT_EQ(landsat_tasselled_cap({0, 0, -100, 300, 0, 0}).value[TasselledCap::vegetation], 160000);
}

TEST(SixBands, are_found_by_name_in_any_order) {
  SixBands const bands("staarch", {"swir2", "nir", "other", "green", "blue", "red", "swir1"});
  EXPECT_THAT(bands.index(), ElementsAre(4, 3, 5, 1, 6, 0));
}

TEST(SixBands, missing_ones_are_named) {
  try {
    SixBands const bands("staarch", {"green", "red", "nir", "swir1"});
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_THAT(error.what(), HasSubstr("needs the bands blue, green, red, nir, swir1, swir2"));
    EXPECT_THAT(error.what(), HasSubstr("the cube has no blue, swir2"));
  }
}

}  // namespace
}  // namespace stfcube
