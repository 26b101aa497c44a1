#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/io/catalog.hpp"
#include "stfcube/tests/io/scene_fixture.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace testing;

Grid const plain_grid = [] { return grid_at(500000, 5100000, 10, 8, 8); }();

TEST(CheckScene, empty_web_page_and_foreign_files_are_named) {
  auto const folder = testing::fresh_folder();
  std::string const path = folder / "a_20200601.tif";
  auto const sensor = sensor_of(folder, "a*.tif");
  std::ofstream(path) << "";
  EXPECT_EQ(check_error(sensor, plain_grid),
            path +
                ": is empty (0 bytes). The download or copy did not finish: fetch the file again. Or leave the "
                "scene out with fine.exclude.");
  std::ofstream(path) << "\n <!DOCTYPE HTML>\n<html><body>403 Forbidden</body></html>";
  EXPECT_THAT(check_error(sensor, plain_grid), HasSubstr(path + ": is a web page (HTML), not a raster."));
  std::ofstream(path) << "no raster at all";
  EXPECT_THAT(check_error(sensor, plain_grid), HasSubstr(path + ": cannot be opened as a raster ("));
}

TEST(CheckScene, missing_driver_is_named) {
  auto const folder = testing::fresh_folder();
  std::ofstream(folder / "a_20200601.hdf", std::ios::binary) << "\x0e\x03\x13\x01 rest";
  GDALAllRegister();
  auto* manager = GetGDALDriverManager();
  auto* driver = manager->GetDriverByName("HDF4");
  if (driver != nullptr) manager->DeregisterDriver(driver);
  std::string const message = check_error(sensor_of(folder, "*.hdf"), plain_grid);
  if (driver != nullptr) manager->RegisterDriver(driver);
  EXPECT_THAT(message,
              HasSubstr("GDAL here has no HDF4 driver. Install libgdal with HDF4, or convert the file"));
}

TEST(CheckScene, truncated_file_is_found_before_the_run) {
  auto const folder = testing::fresh_folder();
  std::string const path = folder / "a_20200601.tif";
  write({.path = path, .width = 64, .height = 64, .bands = 2}, [](int, int y, int x) { return x * y % 100; });
  fs::resize_file(path, fs::file_size(path) * 6 / 10);
  EXPECT_THAT(check_error(sensor_of(folder, "*.tif", 2), grid_at(500000, 5100000, 10, 64, 64)),
              HasSubstr(path + ", band 1: cannot be read ("));
}

TEST(CheckScene, damage_in_the_middle_stops_the_reading_with_file_and_band) {
  auto const folder = testing::fresh_folder();
  std::string const path = folder / "a_20200601.tif";
  write({.path = path,
         .width = 64,
         .height = 64,
         .bands = 2,
         .creation = {"TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "COMPRESS=DEFLATE", "INTERLEAVE=BAND"}},
        [](int b, int y, int x) { return (x * 131 + y * 71 + b * 7) % 9973; });
  auto const size = fs::file_size(path);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size * 7 / 10));
    file << std::string(400, '\xAA');
  }
  Grid const grid = grid_at(500000, 5100000, 10, 64, 64);
  auto const reader = open(sensor_of(folder, "*.tif", 2), grid);
  std::string const message = error_of([&] { reader->read(0, grid.all()); });
  EXPECT_THAT(message, HasSubstr(path + ", band 2: cannot be read ("));
  EXPECT_THAT(
      message,
      HasSubstr("). The file is damaged or cut off: fetch it again, or leave it out with fine.exclude."));
}

TEST(CheckScene, band_number_out_of_range_says_how_many_there_are) {
  auto const folder = testing::fresh_folder();
  std::string const path = folder / "a_20200601.tif";
  write({.path = path, .bands = 2}, [](int, int, int) { return 1; });
  EXPECT_EQ(check_error(sensor_of(folder, "*.tif", 3), plain_grid),
            path + ": has 2 bands, so there is no band 3 for band3. Correct fine.bands.");
}

TEST(CheckScene, band_files_must_share_their_pixels) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601_1.tif"}, [](int, int, int) { return 1; });
  write({.path = folder / "a_20200601_2.tif", .width = 4, .height = 4}, [](int, int, int) { return 1; });
  auto const sensor = sensor_of(folder, "a_*_{band}.tif", 2);
  EXPECT_THAT(check_error(sensor, plain_grid), HasSubstr("a_20200601_2.tif: has 4 x 4 pixels, but "));
  write({.path = folder / "a_20200601_2.tif", .transform = {500010, 10, 0, 5100000, 0, -10}},
        [](int, int, int) { return 1; });
  EXPECT_THAT(check_error(sensor, plain_grid), HasSubstr("a_20200601_2.tif: lies elsewhere than "));
}

TEST(CheckScene, crs_is_needed_or_given) {
  auto const folder = testing::fresh_folder();
  std::string const path = folder / "a_20200601.tif";
  write({.path = path, .crs = ""}, [](int, int, int) { return 7; });
  auto sensor = sensor_of(folder, "*.tif");
  EXPECT_EQ(check_error(sensor, plain_grid),
            path + ": has no CRS. Set fine.crs, or give the file one (gdal_edit.py -a_srs).");
  sensor.crs = utm;
  EXPECT_TRUE(header_of(sensor, plain_grid).aligned);
  sensor.crs = "EPSG:nonsense";
  EXPECT_THAT(check_error(sensor, plain_grid, ErrorKind::config),
              HasSubstr("fine.crs = EPSG:nonsense is not a CRS ("));
  sensor.crs.clear();
  Grid nowhere = plain_grid;
  nowhere.crs_wkt.clear();
  EXPECT_TRUE(header_of(sensor, nowhere).aligned);
}

TEST(CheckScene, local_systems_match_each_other_and_nothing_else) {
  auto const folder = testing::fresh_folder();
  std::string const path = folder / "a_20200601.tif";
  write({.path = path,
         .transform = {0, 30, 0, -300, 0, -30},
         .crs = "LOCAL_CS[\"somewhere\",UNIT[\"metre\",1]]"},
        [](int, int y, int x) { return 8 * y + x; });
  Grid grid = read_grid(path);
  EXPECT_FALSE(grid.crs_wkt.empty());
  EXPECT_EQ(grid.y0, -300);
  auto const sensor = sensor_of(folder, "*.tif");
  EXPECT_TRUE(header_of(sensor, grid).aligned);
  EXPECT_EQ(read_all(sensor, grid).at(63), 63);
  grid.dx = grid.dy = 60;
  EXPECT_FALSE(header_of(sensor, grid).aligned);
  EXPECT_THAT(check_error(sensor, plain_grid),
              HasSubstr("its CRS (somewhere) cannot be related to that of the target "
                        "grid (EPSG:32633), because one of them is local"));
}

TEST(CheckScene, scene_beside_the_grid_names_both_extents) {
  auto const folder = testing::fresh_folder();
  std::string const path = folder / "a_20200601.tif";
  write({.path = path}, [](int, int, int) { return 1; });
  EXPECT_EQ(check_error(sensor_of(folder, "*.tif"), grid_at(500080, 5100000, 10, 8, 8)),
            path +
                ": has no area in common with the target grid: the scene covers x 500000 to 500080, y "
                "5099920 to 5100000, "
                "the grid x 500080 to 500160, y 5099920 to 5100000 (in the grid's CRS). Leave it out with "
                "fine.exclude, or "
                "correct grid.bounds or fine.crs.");
}

TEST(CheckScene, quality_file_is_checked_too) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif"}, [](int, int, int) { return 1; });
  std::ofstream(folder / "q_20200601.tif") << "";
  auto sensor = sensor_of(folder, "a*.tif");
  sensor.qa = {"q*.tif"};
  sensor.qa_scheme = QaScheme::mask;
  EXPECT_THAT(check_error(sensor, plain_grid), HasSubstr("fine quality file: "));
  write({.path = folder / "q_20200601.tif", .crs = laea}, [](int, int, int) { return 1; });
  EXPECT_THAT(check_error(sensor, plain_grid), HasSubstr("this quality file has another CRS than the bands"));
  write({.path = folder / "q_20200601.tif", .transform = {500000, 8, 6, 5100000, 6, -8}},
        [](int, int, int) { return 1; });
  EXPECT_THAT(check_error(sensor, plain_grid), HasSubstr("this quality file is rotated against the bands"));
}

TEST(ReadGrid, takes_position_and_crs_and_refuses_rotation) {
  auto const folder = testing::fresh_folder();
  std::string const path = folder / "a.tif";
  write({.path = path, .width = 5, .height = 7}, [](int, int, int) { return 1; });
  Grid const grid = read_grid(path);
  EXPECT_EQ(grid.width, 5);
  EXPECT_EQ(grid.height, 7);
  EXPECT_EQ(grid.x0, 500000);
  EXPECT_EQ(grid.dy, 10);
  EXPECT_FALSE(grid.geographic);
  EXPECT_THAT(grid.crs_wkt, HasSubstr("ID[\"EPSG\",32633]"));
  write({.path = path, .transform = {500000, 8, 6, 5100000, 6, -8}}, [](int, int, int) { return 1; });
  EXPECT_THAT(error_of([&] { read_grid(path); }, ErrorKind::config), HasSubstr("rotated or not north-up"));
  EXPECT_THAT(error_of([&] { read_grid(folder / "none.tif"); }, ErrorKind::config),
              HasSubstr("none.tif: no such file"));
}

TEST(GridWithCrs, knows_degrees_and_metres) {
  EXPECT_TRUE(grid_with_crs("EPSG:4326").geographic);
  EXPECT_FALSE(grid_with_crs(laea).geographic);
  EXPECT_NEAR(grid_with_crs("EPSG:2264").metres_per_unit, 0.3048006, 1e-6);
  EXPECT_THAT(grid_with_crs("+proj=sinu +R=6371007.181 +units=m").crs_wkt, HasSubstr("Sinusoidal"));
  EXPECT_THAT(error_of([] { grid_with_crs("EPSG:32999999"); }, ErrorKind::config),
              HasSubstr("is not a CRS ("));
}

}  // namespace
}  // namespace stfcube
