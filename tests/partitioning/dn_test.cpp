#include "stfcube/partitioning/core/dn.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

TEST(Quality, flags_are_the_bits_of_the_cube_format) {
  EXPECT_EQ(quality::no_data | quality::state_mask | quality::low_confidence | quality::input_masked |
                quality::extrapolated | quality::clamped | quality::disturbed,
            255);
  EXPECT_EQ(quality::observed & quality::state_mask, 2);
  EXPECT_EQ(quality::fused & quality::state_mask, 4);
  EXPECT_EQ(quality::gap_filled & quality::state_mask, 6);
}

TEST(Quantity, reflectance_is_the_default) {
  Quantity const quantity = quantity_named("surface_reflectance");
  EXPECT_EQ(quantity.step, 1e-4);
  EXPECT_EQ(quantity.lowest, -2000);
  EXPECT_EQ(quantity.highest, 16000);
  EXPECT_EQ(quantity.variable, "reflectance");
}

TEST(Quantity, known_names_keep_no_data_out_of_their_range) {
  for (char const* name : {"surface_reflectance", "toa_reflectance", "index", "temperature"}) {
    Quantity const quantity = quantity_named(name);
    EXPECT_EQ(quantity.name, name);
    EXPECT_GT(quantity.lowest, no_data_dn);
    EXPECT_LT(quantity.lowest, quantity.highest);
    EXPECT_GT(quantity.step, 0);
  }
  EXPECT_EQ(quantity_named("temperature").units, "K");
}

TEST(Quantity, unknown_name_lists_the_known) {
  try {
    quantity_named("reflectance");
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("toa_reflectance"));
  }
}

TEST(ObservationUncertainty, visible_bands_are_surer) {
  EXPECT_EQ(observation_uncertainty_dn("red"), 20);
  EXPECT_EQ(observation_uncertainty_dn("nir"), 50);
  EXPECT_EQ(observation_uncertainty_dn("anything"), 50);
}

}  // namespace
}  // namespace stfcube
