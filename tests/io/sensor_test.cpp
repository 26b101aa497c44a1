#include "stfcube/io/sensor.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

TEST(QaScheme, landsat_refuses_each_of_its_bits) {
  EXPECT_TRUE(usable(QaScheme::landsat_c2, 1U << 6));
  EXPECT_TRUE(usable(QaScheme::landsat_c2, 1U << 7));
  for (int bit = 0; bit <= 5; ++bit) EXPECT_FALSE(usable(QaScheme::landsat_c2, 1U << bit)) << bit;
}

TEST(QaScheme, scene_classes_keep_land_and_water) {
  for (unsigned value = 0; value <= 11; ++value) {
    EXPECT_EQ(usable(QaScheme::s2_scl, value), value >= 4 && value <= 7) << value;
  }
}

TEST(QaScheme, hls_fill_is_not_a_bit_pattern) {
  EXPECT_FALSE(usable(QaScheme::hls_fmask, 255));
  EXPECT_TRUE(usable(QaScheme::hls_fmask, 0b11100000));
  for (int bit = 0; bit <= 4; ++bit) EXPECT_FALSE(usable(QaScheme::hls_fmask, 1U << bit)) << bit;
}

TEST(QaScheme, modis_state_reads_fields) {
  EXPECT_TRUE(usable(QaScheme::mod09ga_state, 0));
  EXPECT_TRUE(usable(QaScheme::mod09ga_state, 3));
  EXPECT_FALSE(usable(QaScheme::mod09ga_state, 1));
  EXPECT_FALSE(usable(QaScheme::mod09ga_state, 2));
  EXPECT_FALSE(usable(QaScheme::mod09ga_state, 1U << 2));
  EXPECT_TRUE(usable(QaScheme::mod09ga_state, 1U << 8));
  EXPECT_FALSE(usable(QaScheme::mod09ga_state, 2U << 8));
  EXPECT_FALSE(usable(QaScheme::mod09ga_state, 1U << 10));
  EXPECT_FALSE(usable(QaScheme::mod09ga_state, 1U << 13));
}

TEST(QaScheme, unknown_name_lists_the_known) {
  try {
    qa_scheme_named("landsat");
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_NE(std::string(error.what()).find("landsat_c2"), std::string::npos);
  }
}

}  // namespace
}  // namespace stfcube
