#include "stfcube/io/gdal/warp.hpp"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/tests/io/scene_fixture.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using namespace testing;

TEST(Warp, half_a_pixel_is_resampled_and_a_thousandth_is_not) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 20, .height = 20},
        [](int, int y, int x) { return 100 * x + y; });
  auto sensor = sensor_of(folder, "*.tif");
  sensor.resampling = "bilinear";
  EXPECT_TRUE(header_of(sensor, grid_at(500000.009, 5100000, 10, 10, 10)).aligned);
  Grid const shifted = grid_at(500055, 5099950, 10, 10, 10);
  auto const header = header_of(sensor, shifted);
  EXPECT_FALSE(header.aligned);
  EXPECT_TRUE(header.footprint_px.contains({0, 0, 10, 10}));
  auto const stack = open(sensor, shifted)->read(0, shifted.all());
  for (int y = 0; y < 10; ++y)
    for (int x = 0; x < 10; ++x) EXPECT_EQ(stack.at(0, 0, y, x), 100 * (x + 5) + 50 + y + 5) << x << ' ' << y;
}

TEST(Warp, south_up_file_gives_what_the_north_up_one_gives) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "n_20200601.tif", .width = 20, .height = 16},
        [](int, int y, int x) { return 100 * y + x * x; });
  write({.path = folder / "s_20200601.tif",
         .width = 20,
         .height = 16,
         .transform = {500000, 10, 0, 5099840, 0, 10}},
        [](int, int y, int x) { return 100 * (15 - y) + x * x; });
  Grid const grid = grid_at(500000, 5100000, 10, 20, 16);
  EXPECT_EQ(read_all(sensor_of(folder, "s*.tif"), grid), read_all(sensor_of(folder, "n*.tif"), grid));
}

TEST(Warp, rotated_file_is_warped) {
  auto const folder = testing::fresh_folder();
  // rows go east, columns go south: a quarter turn
  write({.path = folder / "r_20200601.tif",
         .width = 16,
         .height = 20,
         .transform = {500000, 0, 10, 5100000, -10, 0}},
        [](int, int y, int x) { return 100 * x + y; });
  Grid const grid = grid_at(500000, 5100000, 10, 20, 16);
  auto const stack = open(sensor_of(folder, "*.tif"), grid)->read(0, grid.all());
  EXPECT_EQ(stack.at(0, 0, 3, 7), 307);
  EXPECT_EQ(stack.at(0, 0, 15, 19), 1519);
}

TEST(Warp, scene_billions_of_pixels_away_gives_nothing) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 20, .height = 20}, [](int, int, int) { return 100; });
  auto const sensor = sensor_of(folder, "*.tif");
  for (double const shift : {-1e11, 0.0, 1e11}) {
    Grid const grid = grid_at(500005 + shift, 5099995 + shift, 10, 8, 8);
    gdal::SceneFiles const files(find_scenes(sensor).scenes.at(0), sensor, grid);
    gdal::PixelTransformer const transformer(files.geometry(), grid);
    auto const planes = gdal::warp_scene(files, transformer, grid.all(), GRA_Bilinear, gdal::Decoder(sensor, {}));
    EXPECT_EQ(planes.values.empty(), shift != 0) << shift;
  }
}

class Resampling : public ::testing::TestWithParam<char const*> {};

TEST_P(Resampling, value_does_not_depend_on_the_window) {
  auto const folder = testing::fresh_folder();
  write_textured(folder / "a_20200601.tif");
  auto sensor = sensor_of(folder, "*.tif", 2);
  sensor.resampling = GetParam();
  for (double const size : {10.0, 24.0}) {
    Grid const grid = laea_grid_over(650400, 5149800, size, 500, 500);
    auto const reader = open(sensor, grid);
    Rect const whole{8, 8, 128, 128};
    auto const at_once = reader->read(0, whole);
    std::size_t valid = 0;
    for (int const edge : {64, 16})
      for (int j = 0; j < 128; j += edge)
        for (int i = 0; i < 128; i += edge) {
          auto const part = reader->read(0, {whole.x + i, whole.y + j, edge, edge});
          for (int b = 0; b < 2; ++b)
            for (int y = 0; y < edge; ++y)
              for (int x = 0; x < edge; ++x) {
                ASSERT_EQ(part.at(0, b, y, x), at_once.at(0, b, j + y, i + x))
                    << size << ' ' << i + x << ' ' << j + y;
                valid += part.at(0, b, y, x) != no_data_dn ? 1 : 0;
              }
        }
    EXPECT_GT(valid, 20000U);
    EXPECT_LT(valid, 4U * 128 * 128);
  }
}

TEST_P(Resampling, value_before_rounding_does_not_depend_on_the_window) {
  auto const folder = testing::fresh_folder();
  write_textured(folder / "a_20200601.tif");
  auto const sensor = sensor_of(folder, "*.tif", 2);
  Grid const grid = laea_grid_over(650400, 5149800, 24, 500, 500);
  gdal::SceneFiles const files(find_scenes(sensor).scenes.at(0), sensor, grid);
  gdal::PixelTransformer const transformer(files.geometry(), grid);
  gdal::Decoder const decoder(sensor, {});
  auto const warp = [&](Rect const& px) {
    return gdal::warp_scene(files, transformer, px, gdal::resampling_named(GetParam(), "resampling"),
                            decoder);
  };
  auto const at_once = warp({0, 0, 128, 128});
  for (Rect const px : {Rect{0, 0, 64, 64}, Rect{64, 0, 64, 64}, Rect{16, 64, 16, 16}, Rect{127, 3, 1, 1},
                        Rect{0, 100, 128, 1}}) {
    auto const part = warp(px);
    for (std::size_t b = 0; b < 2; ++b)
      for (int y = 0; y < px.height; ++y)
        EXPECT_EQ(std::memcmp(part.plane(b) + y * px.width, at_once.plane(b) + (px.y + y) * 128 + px.x,
                              sizeof(double) * static_cast<std::size_t>(px.width)),
                  0)
            << px.x << ' ' << px.y << " row " << y;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Resampling,
                         ::testing::Values("near", "bilinear", "cubic", "cubicspline", "lanczos", "average",
                                           "rms", "mode", "max", "min", "med", "q1", "q3"),
                         [](auto const& chosen) { return std::string(chosen.param); });

TEST(Warp, reprojected_values_stand_where_they_belong) {
  auto const folder = testing::fresh_folder();
  // the value is the easting, in steps of 1 m
  write({.path = folder / "a_20200601.tif",
         .width = 400,
         .height = 400,
         .transform = {650000, 10, 0, 5150000, 0, -10}},
        [](int, int, int x) { return 10 * x + 5; });
  Grid const grid = laea_grid_over(651500, 5148500, 10, 100, 100);
  auto sensor = sensor_of(folder, "*.tif");
  sensor.resampling = "bilinear";
  auto const stack = open(sensor, grid)->read(0, grid.all());

  OGRSpatialReference from, to;
  from.SetFromUserInput(laea);
  to.SetFromUserInput(utm);
  from.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
  to.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
  std::unique_ptr<OGRCoordinateTransformation> const transformation(
      OGRCreateCoordinateTransformation(&from, &to));
  for (int const y : {0, 33, 99})
    for (int const px : {0, 50, 99}) {
      double east = grid.centre_x(px), north = grid.centre_y(y);
      ASSERT_TRUE(transformation->Transform(1, &east, &north));
      EXPECT_NEAR(stack.at(0, 0, y, px), east - 650000, 0.51) << px << ' ' << y;
    }
}

TEST(Warp, coarse_scene_is_enlarged_and_fine_scene_averaged) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "c_20200601.tif",
         .width = 10,
         .height = 10,
         .transform = {500000, 160, 0, 5100000, 0, -160}},
        [](int, int y, int x) { return 1000 * y + 100 * x; });
  auto coarse = sensor_of(folder, "c*.tif");
  coarse.resampling = "near";
  Grid const fine_grid = grid_at(500160, 5099840, 10, 64, 32);
  auto const enlarged = open(coarse, fine_grid)->read(0, fine_grid.all());
  EXPECT_EQ(enlarged.at(0, 0, 0, 0), 1100);
  EXPECT_EQ(enlarged.at(0, 0, 15, 15), 1100);
  EXPECT_EQ(enlarged.at(0, 0, 16, 48), 2400);

  write({.path = folder / "f_20200601.tif", .width = 64, .height = 64, .no_data = -1}, [](int, int y, int x) {
    return x % 16 == 3 ? -1 : 100 * (y / 16) + (x / 16) + (y % 2 ? 40 : -40) + 500;
  });
  auto fine = sensor_of(folder, "f*.tif");
  fine.resampling = "average";
  Grid const coarse_lattice = grid_at(500000, 5100000, 160, 4, 4);
  auto const means = open(fine, coarse_lattice)->read(0, coarse_lattice.all());
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 4; ++x) EXPECT_EQ(means.at(0, 0, y, x), 500 + 100 * y + x);
}

TEST(Warp, resampled_pixel_without_valid_nearest_pixel_is_no_data) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 10, .height = 1, .no_data = -1},
        [](int, int, int x) { return x == 5 ? -1 : 100; });
  auto sensor = sensor_of(folder, "*.tif");
  sensor.resampling = "bilinear";
  Grid const grid = grid_at(500003, 5100000, 10, 9, 1);
  EXPECT_THAT(read_all(sensor, grid), ElementsAre(100, 100, 100, 100, 100, no_data_dn, 100, 100, 100));
}

}  // namespace
}  // namespace stfcube
