#include "stfcube/io/cf_grid_mapping.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/crs.hpp"

namespace stfcube {
namespace {

namespace crs = testing::crs;
using ::testing::HasSubstr;

CfGridMapping mapping_of(std::string const& wkt, double x0 = 0, double y0 = 0, double size = 30) {
  return cf_grid_mapping(
      {.crs_wkt = wkt, .x0 = x0, .y0 = y0, .dx = size, .dy = size, .width = 100, .height = 100});
}

std::vector<double> value(CfGridMapping const& cf, std::string const& name) {
  for (auto const& [key, values] : cf.parameters) {
    if (key == name) return values;
  }
  return {};
}

using Values = std::vector<double>;

TEST(CfGridMapping, utm) {
  CfGridMapping const cf = mapping_of(crs::utm_32n(), 600000, 5100000);
  EXPECT_EQ(cf.name, "transverse_mercator");
  EXPECT_EQ(value(cf, "scale_factor_at_central_meridian"), Values{0.9996});
  EXPECT_EQ(value(cf, "longitude_of_central_meridian"), Values{9});
  EXPECT_EQ(value(cf, "latitude_of_projection_origin"), Values{0});
  EXPECT_EQ(value(cf, "false_easting"), Values{500000});
  EXPECT_EQ(value(cf, "false_northing"), Values{0});
  EXPECT_EQ(value(cf, "semi_major_axis"), Values{6378137});
  EXPECT_EQ(value(cf, "inverse_flattening"), Values{298.257223563});
  EXPECT_EQ(value(cf, "longitude_of_prime_meridian"), Values{0});
  EXPECT_EQ(cf.units, "m");
  EXPECT_THAT(cf.wkt, HasSubstr("PROJCRS["));
  EXPECT_THAT(cf.wkt, HasSubstr(R"(ID["EPSG",32632])"));
  ASSERT_TRUE(cf.lonlat.has_value());
  EXPECT_NEAR((*cf.lonlat)[0], 10.292, 0.01);
  EXPECT_NEAR((*cf.lonlat)[3], 46.046, 0.01);
}

TEST(CfGridMapping, lambert_azimuthal_equal_area) {
  CfGridMapping const cf = mapping_of(crs::laea_europe(), 4321000, 3210000);
  EXPECT_EQ(cf.name, "lambert_azimuthal_equal_area");
  EXPECT_EQ(value(cf, "longitude_of_projection_origin"), Values{10});
  EXPECT_EQ(value(cf, "latitude_of_projection_origin"), Values{52});
  EXPECT_EQ(value(cf, "false_easting"), Values{4321000});
  EXPECT_NEAR((*cf.lonlat)[0], 10, 1e-9);
  EXPECT_NEAR((*cf.lonlat)[3], 52, 0.001);
}

TEST(CfGridMapping, albers_has_two_standard_parallels) {
  CfGridMapping const cf = mapping_of(
      crs::projected("Albers", crs::grs80_datum,
                     "METHOD[\"Albers Equal Area\"]" + crs::parameter("Latitude of false origin", "23") +
                         crs::parameter("Longitude of false origin", "-96") +
                         crs::parameter("Latitude of 1st standard parallel", "29.5") +
                         crs::parameter("Latitude of 2nd standard parallel", "45.5") +
                         crs::parameter("Easting at false origin", "0", true) +
                         crs::parameter("Northing at false origin", "0", true)));
  EXPECT_EQ(cf.name, "albers_conical_equal_area");
  EXPECT_EQ(value(cf, "standard_parallel"), (Values{29.5, 45.5}));
  EXPECT_EQ(value(cf, "longitude_of_central_meridian"), Values{-96});
  EXPECT_EQ(value(cf, "latitude_of_projection_origin"), Values{23});
}

TEST(CfGridMapping, lambert_conformal_conic) {
  CfGridMapping const cf =
      mapping_of(crs::projected("Lambert", crs::grs80_datum,
                                "METHOD[\"Lambert Conic Conformal (2SP)\"]" +
                                    crs::parameter("Latitude of false origin", "46.5") +
                                    crs::parameter("Longitude of false origin", "3") +
                                    crs::parameter("Latitude of 1st standard parallel", "49") +
                                    crs::parameter("Latitude of 2nd standard parallel", "44") +
                                    crs::parameter("Easting at false origin", "700000", true) +
                                    crs::parameter("Northing at false origin", "6600000", true)),
                 700000, 6600000);
  EXPECT_EQ(cf.name, "lambert_conformal_conic");
  EXPECT_EQ(value(cf, "standard_parallel"), (Values{49, 44}));
  EXPECT_EQ(value(cf, "latitude_of_projection_origin"), Values{46.5});
  EXPECT_EQ(value(cf, "false_northing"), Values{6600000});
}

TEST(CfGridMapping, polar_stereographic_names_its_pole) {
  CfGridMapping const cf = mapping_of(crs::projected(
      "Polar", crs::wgs84_datum,
      "METHOD[\"Polar Stereographic (variant B)\"]" + crs::parameter("Latitude of standard parallel", "-71") +
          crs::parameter("Longitude of origin", "-45") + crs::parameter("False easting", "0", true) +
          crs::parameter("False northing", "0", true)));
  EXPECT_EQ(cf.name, "polar_stereographic");
  EXPECT_EQ(value(cf, "straight_vertical_longitude_from_pole"), Values{-45});
  EXPECT_EQ(value(cf, "latitude_of_projection_origin"), Values{-90});
  EXPECT_EQ(value(cf, "standard_parallel"), Values{-71});
}

TEST(CfGridMapping, mercator) {
  CfGridMapping const cf = mapping_of(crs::projected(
      "Mercator", crs::wgs84_datum,
      "METHOD[\"Mercator (variant B)\"]" + crs::parameter("Latitude of 1st standard parallel", "41") +
          crs::parameter("Longitude of natural origin", "100") + crs::parameter("False easting", "0", true) +
          crs::parameter("False northing", "0", true)));
  EXPECT_EQ(cf.name, "mercator");
  EXPECT_EQ(value(cf, "standard_parallel"), Values{41});
  EXPECT_EQ(value(cf, "longitude_of_projection_origin"), Values{100});
}

TEST(CfGridMapping, sinusoidal_on_a_sphere) {
  CfGridMapping const cf = mapping_of(crs::projected(
      "Sinusoidal", R"(DATUM["sphere",ELLIPSOID["sphere",6371007.181,0]])",
      "METHOD[\"Sinusoidal\"]" + crs::parameter("Longitude of natural origin", "20") +
          crs::parameter("False easting", "0", true) + crs::parameter("False northing", "0", true)));
  EXPECT_EQ(cf.name, "sinusoidal");
  EXPECT_EQ(value(cf, "longitude_of_projection_origin"), Values{20});
  EXPECT_EQ(value(cf, "semi_major_axis"), Values{6371007.181});
  EXPECT_EQ(value(cf, "inverse_flattening"), Values{0});
}

TEST(CfGridMapping, false_origin_is_in_the_units_of_the_grid) {
  CfGridMapping const cf = mapping_of(crs::projected(
      "Feet", crs::grs80_datum,
      "METHOD[\"Transverse Mercator\"]" + crs::parameter("Latitude of natural origin", "40") +
          crs::parameter("Longitude of natural origin", "-90") +
          R"(,PARAMETER["Scale factor at natural origin",1,SCALEUNIT["unity",1]])"
          R"(,PARAMETER["False easting",1000000,LENGTHUNIT["US survey foot",0.304800609601219]])"
          R"(,PARAMETER["False northing",0,LENGTHUNIT["US survey foot",0.304800609601219]])",
      0, R"(LENGTHUNIT["US survey foot",0.304800609601219])"));
  EXPECT_EQ(cf.units, "US_survey_foot");
  ASSERT_EQ(value(cf, "false_easting").size(), 1U);
  EXPECT_NEAR(value(cf, "false_easting")[0], 1000000, 1e-3);
}

TEST(CfGridMapping, longitude_latitude) {
  CfGridMapping const cf = mapping_of(crs::longitude_latitude(), 20, 50, 0.01);
  EXPECT_EQ(cf.name, "latitude_longitude");
  EXPECT_EQ(cf.units, "degrees_east");
  ASSERT_TRUE(cf.lonlat.has_value());
  EXPECT_NEAR((*cf.lonlat)[0], 20, 1e-9);
  EXPECT_NEAR((*cf.lonlat)[1], 49, 1e-9);
  EXPECT_NEAR((*cf.lonlat)[2], 21, 1e-9);
  EXPECT_NEAR((*cf.lonlat)[3], 50, 1e-9);
}

TEST(CfGridMapping, web_mercator_is_beyond_cf_but_keeps_its_wkt) {
  CfGridMapping const cf = mapping_of(crs::projected(
      "Web", crs::wgs84_datum,
      "METHOD[\"Popular Visualisation Pseudo Mercator\",ID[\"EPSG\",1024]]" +
          crs::parameter("Latitude of natural origin", "0") +
          crs::parameter("Longitude of natural origin", "0") + crs::parameter("False easting", "0", true) +
          crs::parameter("False northing", "0", true)));
  EXPECT_EQ(cf.name, "");
  EXPECT_TRUE(cf.parameters.empty());
  EXPECT_THAT(cf.wkt, HasSubstr("Pseudo Mercator"));
  EXPECT_TRUE(cf.lonlat.has_value());
}

TEST(CfGridMapping, engineering_grid_is_no_place_on_earth) {
  CfGridMapping const cf = mapping_of(crs::engineering());
  EXPECT_EQ(cf.name, "");
  EXPECT_EQ(cf.units, "m");
  EXPECT_THAT(cf.wkt, HasSubstr("ENGCRS["));
  EXPECT_FALSE(cf.lonlat.has_value());
}

TEST(CfGridMapping, no_crs_gives_nothing) {
  CfGridMapping const cf = mapping_of("");
  EXPECT_EQ(cf.name, "");
  EXPECT_EQ(cf.wkt, "");
  EXPECT_EQ(cf.units, "");
  EXPECT_FALSE(cf.lonlat.has_value());
}

TEST(CfGridMapping, unreadable_wkt_is_refused) {
  try {
    mapping_of("nonsense");
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_THAT(error.what(), HasSubstr("nonsense"));
  }
}

}  // namespace
}  // namespace stfcube
