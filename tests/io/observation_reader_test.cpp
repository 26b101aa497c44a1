#include "stfcube/io/observation_reader.hpp"

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>

#include <gdal_priv.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ogr_spatialref.h>

#include "stfcube/io/gdal/warp.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char const* utm = "EPSG:32633";
constexpr char const* laea = "EPSG:3035";

/// A raster file for a test, and what its header says.
struct RasterFile {
  std::string path;
  int width = 8, height = 8, bands = 1;
  GDALDataType type = GDT_Int16;
  std::optional<double> no_data = {}, scale = {}, offset = {};
  std::array<double, 6> transform{500000, 10, 0, 5100000, 0, -10};
  std::string crs = utm;
  std::vector<std::string> creation = {"TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"};
};

/// Value of band (from 0), row, column.
using Values = std::function<double(int band, int y, int x)>;

void write(RasterFile const& file, Values const& value) {
  GDALAllRegister();
  std::vector<char*> options;
  for (auto const& option : file.creation) options.push_back(const_cast<char*>(option.c_str()));
  options.push_back(nullptr);
  auto* dataset = GetGDALDriverManager()->GetDriverByName("GTiff")->Create(
      file.path.c_str(), file.width, file.height, file.bands, file.type, options.data());
  ASSERT_NE(dataset, nullptr);
  auto transform = file.transform;
  dataset->SetGeoTransform(transform.data());
  if (!file.crs.empty()) {
    OGRSpatialReference crs;
    crs.SetFromUserInput(file.crs.c_str());
    dataset->SetSpatialRef(&crs);
  }
  std::vector<double> row(static_cast<std::size_t>(file.width));
  for (int b = 0; b < file.bands; ++b) {
    auto* band = dataset->GetRasterBand(b + 1);
    if (file.no_data) band->SetNoDataValue(*file.no_data);
    if (file.scale) band->SetScale(*file.scale);
    if (file.offset) band->SetOffset(*file.offset);
    for (int y = 0; y < file.height; ++y) {
      for (int x = 0; x < file.width; ++x) row[static_cast<std::size_t>(x)] = value(b, y, x);
      ASSERT_EQ(band->RasterIO(GF_Write, 0, y, file.width, 1, row.data(), file.width, 1, GDT_Float64, 0, 0),
                CE_None);
    }
  }
  GDALClose(dataset);
}

Grid grid_at(double x0, double y0, double size, int width, int height, char const* crs = utm) {
  Grid grid = grid_with_crs(crs);
  grid.x0 = x0;
  grid.y0 = y0;
  grid.dx = grid.dy = size;
  grid.width = width;
  grid.height = height;
  return grid;
}

SensorSpec sensor_of(fs::path const& folder, std::string const& scenes, int bands = 1) {
  SensorSpec sensor;
  sensor.base = folder;
  sensor.scenes = {scenes};
  for (int b = 1; b <= bands; ++b) sensor.bands.push_back({"band" + std::to_string(b), std::to_string(b)});
  sensor.scale = 1e-4;
  return sensor;
}

std::unique_ptr<ObservationReader> open(SensorSpec const& sensor, Grid const& grid,
                                        Quantity const& quantity = {}) {
  Catalog catalog = find_scenes(sensor);
  std::vector<SceneHeader> headers;
  for (auto const& scene : catalog.scenes) headers.push_back(check_scene(scene, sensor, grid));
  return make_observation_reader(std::move(catalog), std::move(headers), grid, quantity);
}

std::vector<Dn> all_values(Stack<Dn> const& stack) {
  return {stack.all().begin(), stack.all().end()};
}

std::vector<Dn> read_all(SensorSpec const& sensor, Grid const& grid) {
  return all_values(open(sensor, grid)->read(0, grid.all()));
}

std::string error_of(std::function<void()> const& action, ErrorKind kind = ErrorKind::data) {
  try {
    action();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

std::string check_error(SensorSpec const& sensor, Grid const& grid, ErrorKind kind = ErrorKind::data) {
  return error_of([&] { check_scene(find_scenes(sensor).scenes.at(0), sensor, grid); }, kind);
}

SceneHeader header_of(SensorSpec const& sensor, Grid const& grid) {
  return check_scene(find_scenes(sensor).scenes.at(0), sensor, grid);
}

// --- decoding
// -------------------------------------------------------------------------------------------------------

TEST(ObservationReader, aligned_scene_is_read_pixel_by_pixel) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 20, .height = 12, .bands = 3},
        [](int b, int y, int x) { return 1000 * b + 40 * y + x; });
  // two pixels right, one down of the scene; reaches beyond its right border
  Grid const grid = grid_at(500020, 5099990, 10, 30, 5);
  auto const sensor = sensor_of(folder, "*.tif", 3);
  auto const header = header_of(sensor, grid);
  EXPECT_TRUE(header.aligned);
  EXPECT_EQ(header.footprint_px, (Rect{0, 0, 18, 5}));
  EXPECT_EQ(header.grid.width, 20);
  EXPECT_DOUBLE_EQ(header.grid.x0, 500000);

  auto const reader = open(sensor, grid);
  EXPECT_THAT(reader->dates(), ElementsAre(*make_date(2020, 6, 1)));
  EXPECT_EQ(reader->footprint(0), header.footprint_px);
  auto const stack = reader->read(0, {10, 1, 20, 3});
  ASSERT_EQ(stack.bands(), 3);
  for (int b = 0; b < 3; ++b)
    for (int y = 0; y < 3; ++y)
      for (int x = 0; x < 20; ++x) {
        Dn const expected = x + 10 < 18 ? static_cast<Dn>(1000 * b + 40 * (y + 2) + x + 12) : no_data_dn;
        ASSERT_EQ(stack.at(0, b, y, x), expected) << b << ' ' << y << ' ' << x;
      }
}

TEST(ObservationReader, file_per_band_equals_one_file) {
  auto const folder = testing::fresh_folder();
  for (int b = 0; b < 2; ++b)
    write({.path = folder / ("a_20200601_B" + std::to_string(b + 1) + ".tif")},
          [&](int, int y, int x) { return 100 * b + 10 * y + x; });
  write({.path = folder / "one_20200601.tif", .bands = 2},
        [](int b, int y, int x) { return 100 * b + 10 * y + x; });
  Grid const grid = grid_at(500000, 5100000, 10, 8, 8);
  auto per_band = sensor_of(folder, "a_*_{band}.tif", 2);
  per_band.bands[0].source = "B1";
  per_band.bands[1].source = "B2";
  EXPECT_EQ(read_all(per_band, grid), read_all(sensor_of(folder, "one*.tif", 2), grid));
}

TEST(ObservationReader, scale_offset_and_no_data_come_from_the_file_unless_given) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif",
         .width = 4,
         .height = 1,
         .type = GDT_UInt16,
         .no_data = 65535,
         .scale = 2e-5,
         .offset = -0.1},
        [](int, int, int x) {
          return std::array{65535.0, 0.0, 20000.0, 5000.0}[static_cast<std::size_t>(x)];
        });
  Grid const grid = grid_at(500000, 5100000, 10, 4, 1);
  auto sensor = sensor_of(folder, "*.tif");
  sensor.scale.reset();
  EXPECT_THAT(read_all(sensor, grid), ElementsAre(no_data_dn, -1000, 3000, 0));
  sensor.scale = 1e-5;
  sensor.offset = 0.2;
  sensor.no_data = 0;
  EXPECT_THAT(read_all(sensor, grid), ElementsAre(8554, no_data_dn, 4000, 2500));
}

TEST(ObservationReader, scale_of_a_scene_in_the_catalogue_wins) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a.tif", .width = 2, .height = 1, .scale = 1e-3},
        [](int, int, int x) { return 100 + x; });
  std::ofstream(folder / "s.csv")
      << "date,path,scale,offset\n2020-06-01,a.tif,0.001,-0.05\n2020-06-02,a.tif,,\n";
  auto const reader = open(sensor_of(folder, "s.csv"), grid_at(500000, 5100000, 10, 2, 1));
  EXPECT_THAT(all_values(reader->read(0, {0, 0, 2, 1})), ElementsAre(500, 510));
  EXPECT_THAT(all_values(reader->read(1, {0, 0, 2, 1})), ElementsAre(100, 101));
}

TEST(ObservationReader, every_16_bit_number_gives_what_floating_point_gives) {
  auto const folder = testing::fresh_folder();
  struct Case {
    GDALDataType type;
    int first;
    double scale, offset;
  };
  for (auto const& c : {Case{GDT_Int16, -32768, 1e-4, 0}, Case{GDT_UInt16, 0, 1e-4, 0},
                        Case{GDT_UInt16, 0, 2.75e-5, -0.2}, Case{GDT_Int16, -32768, 3e-5, 0.1}}) {
    auto const value = [&](int, int y, int x) { return c.first + y * 256 + x; };
    RasterFile file{
        .path = folder / "a_20200601.tif", .width = 256, .height = 256, .type = c.type, .no_data = 7000};
    write(file, value);
    file.path = folder / "b_20200601.tif";
    file.type = GDT_Float64;
    write(file, value);
    Grid const grid = grid_at(500000, 5100000, 10, 256, 256);
    auto sensor = sensor_of(folder, "a*.tif");
    sensor.scale = c.scale;
    sensor.offset = c.offset;
    auto const fast = read_all(sensor, grid);
    sensor.scenes = {"b*.tif"};
    EXPECT_EQ(fast, read_all(sensor, grid));
    auto const valid = std::ranges::count_if(fast, [](Dn dn) { return dn != no_data_dn; });
    EXPECT_GT(valid, 10000);
    EXPECT_LT(valid, 65536);
  }
}

TEST(ObservationReader, valid_range_is_inclusive_and_the_quantity_bounds_it) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 8, .height = 1}, [](int, int, int x) {
    return std::array{
        -2001.0, -2000.0, 16000.0, 16001.0, 30000.0, -30000.0, 0.0, 1.0}[static_cast<std::size_t>(x)];
  });
  Grid const grid = grid_at(500000, 5100000, 10, 8, 1);
  auto sensor = sensor_of(folder, "*.tif");
  EXPECT_THAT(read_all(sensor, grid),
              ElementsAre(no_data_dn, -2000, 16000, no_data_dn, no_data_dn, no_data_dn, 0, 1));
  sensor.valid_low = 0;
  sensor.valid_high = 1;
  EXPECT_THAT(read_all(sensor, grid),
              ElementsAre(no_data_dn, no_data_dn, no_data_dn, no_data_dn, no_data_dn, no_data_dn, 0, 1));
  sensor.valid_low = -100;
  sensor.valid_high = 100;
  EXPECT_THAT(read_all(sensor, grid),
              ElementsAre(no_data_dn, -2000, 16000, no_data_dn, no_data_dn, no_data_dn, 0, 1));
}

TEST(ObservationReader, other_quantities_have_their_own_steps) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "t_20200601.tif", .width = 3, .height = 1, .type = GDT_Float32},
        [](int, int, int x) { return 273.15 + 10.005 * x; });
  auto sensor = sensor_of(folder, "*.tif");
  sensor.scale = 1;
  sensor.valid_low = 200;
  sensor.valid_high = 400;
  Grid const grid = grid_at(500000, 5100000, 10, 3, 1);
  EXPECT_THAT(all_values(open(sensor, grid, quantity_named("temperature"))->read(0, grid.all())),
              ElementsAre(0, 1000, 2001));
}

TEST(ObservationReader, float_no_data_and_nan_are_no_data) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 4, .height = 1, .type = GDT_Float32, .no_data = -3.4e38},
        [](int, int, int x) {
          return std::array{-3.4e38, std::nan(""), 0.5, 1e30}[static_cast<std::size_t>(x)];
        });
  auto sensor = sensor_of(folder, "*.tif");
  sensor.scale.reset();
  sensor.valid_low = -1e39;
  EXPECT_THAT(read_all(sensor, grid_at(500000, 5100000, 10, 4, 1)),
              ElementsAre(no_data_dn, no_data_dn, 5000, no_data_dn));
}

TEST(ObservationReader, pixel_is_valid_in_all_bands_or_in_none) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 3, .height = 1, .bands = 2, .no_data = -9999},
        [](int b, int, int x) { return x == b ? -9999 : 10 * (x + 1) + b; });
  auto const values = read_all(sensor_of(folder, "*.tif", 2), grid_at(500000, 5100000, 10, 3, 1));
  EXPECT_THAT(values, ElementsAre(no_data_dn, no_data_dn, 30, no_data_dn, no_data_dn, 31));
}

// --- quality
// --------------------------------------------------------------------------------------------------------

TEST(ObservationReader, quality_words_of_each_scheme_mask_pixels) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 4, .height = 1},
        [](int, int, int x) { return 100 + x; });
  struct Case {
    QaScheme scheme;
    GDALDataType type;
    std::array<double, 4> words;
    std::array<bool, 4> usable;
  };
  Grid const grid = grid_at(500000, 5100000, 10, 4, 1);
  for (auto const& c : {
           Case{QaScheme::mask, GDT_Byte, {0, 1, 255, 0}, {false, true, true, false}},
           Case{QaScheme::landsat_c2, GDT_UInt16, {21824, 22280, 1, 21952}, {true, false, false, true}},
           Case{QaScheme::hls_fmask, GDT_Byte, {224, 2, 255, 64}, {true, false, false, true}},
           Case{QaScheme::s2_scl, GDT_Byte, {4, 8, 7, 11}, {true, false, true, false}},
           Case{QaScheme::mod09ga_state, GDT_UInt16, {72, 1, 1024, 8203}, {true, false, false, false}},
           Case{QaScheme::mask, GDT_Float32, {std::nan(""), 1, 0, 2}, {false, true, false, true}},
           Case{QaScheme::landsat_c2, GDT_Int16, {21824, -1, 64, 0}, {true, false, true, true}},
       }) {
    write({.path = folder / "q_20200601.tif", .width = 4, .height = 1, .type = c.type},
          [&](int, int, int x) { return c.words[static_cast<std::size_t>(x)]; });
    auto sensor = sensor_of(folder, "a*.tif");
    sensor.qa = {"q*.tif"};
    sensor.qa_scheme = c.scheme;
    auto const values = read_all(sensor, grid);
    for (std::size_t x = 0; x < 4; ++x)
      EXPECT_EQ(values[x], c.usable[x] ? static_cast<Dn>(100 + x) : no_data_dn)
          << static_cast<int>(c.scheme) << ' ' << x;
  }
}

TEST(ObservationReader, quality_on_another_grid_is_taken_from_the_nearest_pixel) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 8, .height = 8},
        [](int, int y, int x) { return 10 * y + x; });
  // 20 m, begins 20 m to the right: columns 0 and 1 are not covered
  write({.path = folder / "q_20200601.tif",
         .width = 3,
         .height = 4,
         .type = GDT_Byte,
         .transform = {500020, 20, 0, 5100000, 0, -20}},
        [](int, int y, int x) { return (x + y) % 2; });
  auto sensor = sensor_of(folder, "a*.tif");
  sensor.qa = {"q*.tif"};
  sensor.qa_scheme = QaScheme::mask;
  Grid const grid = grid_at(500000, 5100000, 10, 8, 8);
  auto const stack = open(sensor, grid)->read(0, {1, 1, 7, 6});
  for (int y = 0; y < 6; ++y)
    for (int x = 0; x < 7; ++x) {
      int const column = x + 1, row = y + 1;
      bool const usable = column >= 2 && ((column - 2) / 2 + row / 2) % 2 == 1;
      EXPECT_EQ(stack.at(0, 0, y, x), usable ? static_cast<Dn>(10 * row + column) : no_data_dn)
          << x << ' ' << y;
    }
}

// --- mosaics
// --------------------------------------------------------------------------------------------------------

TEST(ObservationReader, first_valid_scene_of_a_date_wins) {
  auto const folder = testing::fresh_folder();
  auto const constant = [&](std::string const& name, double x0, double value, int gap) {
    write({.path = folder / name,
           .width = 4,
           .height = 2,
           .no_data = -1,
           .transform = {x0, 10, 0, 5100000, 0, -10}},
          [&](int, int, int x) { return x == gap ? -1 : value; });
  };
  constant("a_20200601.tif", 500000, 100, 1);
  constant("b_20200601.tif", 500010, 200, 3);
  constant("c_20200603.tif", 500000, 300, 0);
  Grid const grid = grid_at(500000, 5100000, 10, 6, 2);
  auto const reader = open(sensor_of(folder, "*.tif"), grid);
  ASSERT_EQ(reader->dates().size(), 2U);
  EXPECT_EQ(reader->footprint(0), (Rect{0, 0, 5, 2}));
  EXPECT_THAT(all_values(reader->read(0, {0, 1, 6, 1})),
              ElementsAre(100, 200, 100, 100, no_data_dn, no_data_dn));
  EXPECT_THAT(all_values(reader->read(1, {0, 1, 6, 1})),
              ElementsAre(no_data_dn, 300, 300, 300, no_data_dn, no_data_dn));
  auto reversed = sensor_of(folder, "b*.tif");
  reversed.scenes.push_back("a*.tif");
  EXPECT_THAT(all_values(open(reversed, grid)->read(0, {0, 1, 6, 1})),
              ElementsAre(100, 200, 200, 200, no_data_dn, no_data_dn));
}

// --- resampling
// -----------------------------------------------------------------------------------------------------

TEST(ObservationReader, half_a_pixel_is_resampled_and_a_thousandth_is_not) {
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

TEST(ObservationReader, south_up_file_gives_what_the_north_up_one_gives) {
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

TEST(ObservationReader, rotated_file_is_warped) {
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

/// A textured scene with gaps, 10 m, UTM 33N; the grid is 10 m LAEA Europe, turned by several degrees against
/// it.
void write_textured(fs::path const& path, double pixel = 10) {
  write({.path = path,
         .width = 400,
         .height = 400,
         .bands = 2,
         .no_data = -9999,
         .transform = {650000, pixel, 0, 5150000, 0, -pixel}},
        [](int b, int y, int x) {
          if ((y > 200 && (x * 7 + y * 13) % 97 == 0) || (x > 90 && x < 102)) return -9999.0;
          return std::round(4000 + 2000 * std::sin(0.31 * x + b) * std::cos(0.23 * y) +
                            3 * ((x * 31 + y * 17) % 101));
        });
}

Grid laea_grid_over(double x, double y, double size, int width, int height) {
  OGRSpatialReference from, to;
  from.SetFromUserInput(utm);
  to.SetFromUserInput(laea);
  from.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
  to.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
  std::unique_ptr<OGRCoordinateTransformation> const transformation(
      OGRCreateCoordinateTransformation(&from, &to));
  EXPECT_TRUE(transformation->Transform(1, &x, &y));
  return grid_at(std::round(x / size) * size, std::round(y / size) * size, size, width, height, laea);
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

TEST(ObservationReader, reprojected_values_stand_where_they_belong) {
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

TEST(ObservationReader, coarse_scene_is_enlarged_and_fine_scene_averaged) {
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

TEST(ObservationReader, resampled_pixel_without_valid_nearest_pixel_is_no_data) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 10, .height = 1, .no_data = -1},
        [](int, int, int x) { return x == 5 ? -1 : 100; });
  auto sensor = sensor_of(folder, "*.tif");
  sensor.resampling = "bilinear";
  Grid const grid = grid_at(500003, 5100000, 10, 9, 1);
  EXPECT_THAT(read_all(sensor, grid), ElementsAre(100, 100, 100, 100, 100, no_data_dn, 100, 100, 100));
}

TEST(ObservationReader, unknown_resampling_lists_the_known) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif"}, [](int, int, int) { return 1; });
  auto sensor = sensor_of(folder, "*.tif");
  sensor.resampling = "kubic";
  EXPECT_THAT(error_of([&] { open(sensor, grid_at(500000, 5100000, 10, 8, 8)); }, ErrorKind::config),
              HasSubstr("fine.resampling = kubic is not known. Use near, bilinear, cubic"));
}

// --- threads
// --------------------------------------------------------------------------------------------------------

TEST(ObservationReader, threads_read_what_one_thread_reads) {
  auto const folder = testing::fresh_folder();
  for (int d = 1; d <= 4; ++d) write_textured(folder / ("a_2020060" + std::to_string(d) + ".tif"));
  auto const sensor = sensor_of(folder, "*.tif", 2);
  for (auto const& grid :
       {laea_grid_over(650400, 5149800, 10, 200, 200), grid_at(650100, 5149000, 10, 200, 200)}) {
    auto const reader = open(sensor, grid);
    auto const block = [](int i) { return Rect{(i % 4) * 40, (i / 16) * 40, 40, 40}; };
    std::vector<std::vector<Dn>> alone, together(48);
    for (int i = 0; i < 48; ++i) alone.push_back(all_values(reader->read(i / 4 % 4, block(i))));
    with_threads(4, [&] {
      parallel_for(0, 48, [&](int i) {
        together[static_cast<std::size_t>(i)] = all_values(reader->read(i / 4 % 4, block(i)));
      });
    });
    EXPECT_EQ(alone, together);
  }
}

// --- wrong inputs
// ---------------------------------------------------------------------------------------------------

Grid const plain_grid = [] { return grid_at(500000, 5100000, 10, 8, 8); }();

TEST(CheckScene, empty_web_page_and_foreign_files_are_named) {
  auto const folder = testing::fresh_folder();
  std::string const path = folder / "a_20200601.tif";
  auto const sensor = sensor_of(folder, "a*.tif");
  std::ofstream(path) << "";
  EXPECT_EQ(check_error(sensor, plain_grid),
            "fine, band band1: " + path +
                ": is empty (0 bytes). The download or copy did not finish: fetch the file again.");
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

// --- real scenes
// ----------------------------------------------------------------------------------------------------

fs::path data(char const* set) {
  return testing::shared_folder() / "data" / set;
}

#define SKIP_WITHOUT_IMAGERY() \
  if (testing::shared_folder().empty()) GTEST_SKIP() << "the real imagery is not here (STFCUBE_SHARED)"

/// Raw numbers of one band, read with the library alone.
std::vector<double> raw(std::string const& path, int band, Rect const& px) {
  auto* dataset = GDALDataset::Open(path.c_str());
  std::vector<double> values(static_cast<std::size_t>(px.area()));
  EXPECT_EQ(dataset->GetRasterBand(band)->RasterIO(GF_Read, px.x, px.y, px.width, px.height, values.data(),
                                                   px.width, px.height, GDT_Float64, 0, 0),
            CE_None);
  GDALClose(dataset);
  return values;
}

TEST(RealScenes, bolzano_with_scene_classes) {
  SKIP_WITHOUT_IMAGERY();
  auto sensor = sensor_of(data("bolzano_s2_2022"), "fine_*.tif", 4);
  sensor.scale.reset();
  sensor.qa = {"scl_*.tif"};
  sensor.qa_scheme = QaScheme::s2_scl;
  Grid const grid = read_grid(data("bolzano_s2_2022") / "fine_20220610.tif");
  auto const reader = open(sensor, grid);
  ASSERT_EQ(reader->dates().size(), 6U);
  Rect const px{200, 150, 300, 200};
  auto const stack = reader->read(0, px);
  auto const classes = raw(data("bolzano_s2_2022") / "scl_20220602.tif", 1, px);
  std::array<std::vector<double>, 4> bands;
  for (int b = 0; b < 4; ++b)
    bands[static_cast<std::size_t>(b)] = raw(data("bolzano_s2_2022") / "fine_20220602.tif", b + 1, px);
  std::size_t masked = 0, valid = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    bool clear = classes[i] >= 4 && classes[i] <= 7;
    for (auto const& band : bands) clear &= band[i] != 65535 && band[i] <= 16000;
    for (std::size_t b = 0; b < 4; ++b)
      ASSERT_EQ(stack.plane(0, static_cast<int>(b))[i], clear ? static_cast<Dn>(bands[b][i]) : no_data_dn)
          << i;
    (clear ? valid : masked) += 1;
  }
  EXPECT_GT(masked, 1000U);
  EXPECT_GT(valid, 1000U);
}

TEST(RealScenes, pantanal_scale_and_offset_of_the_file) {
  SKIP_WITHOUT_IMAGERY();
  auto sensor = sensor_of(data("pantanal_fire_2019"), "fine_*.tif", 6);
  sensor.scale.reset();
  Grid const grid = read_grid(data("pantanal_fire_2019") / "fine_20190809.tif");
  Rect const px{100, 300, 200, 100};
  auto const stack = open(sensor, grid)->read(1, px);
  for (int b = 0; b < 6; ++b) {
    auto const values = raw(data("pantanal_fire_2019") / "fine_20190825.tif", b + 1, px);
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(stack.plane(0, b)[i], std::llround((values[i] * 2e-5 + -0.1) / 1e-4)) << b << ' ' << i;
  }
}

TEST(RealScenes, boreas_on_its_local_grid) {
  SKIP_WITHOUT_IMAGERY();
  auto sensor = sensor_of(data("boreas_2001"), "coarse_on_fine_grid_*.tif", 3);
  sensor.scale.reset();
  Grid const grid = read_grid(data("boreas_2001") / "fine_20010524.tif");
  auto const reader = open(sensor, grid);
  ASSERT_EQ(reader->dates().size(), 3U);
  auto const stack = reader->read(2, grid.all());
  for (int b = 0; b < 3; ++b) {
    auto const values = raw(data("boreas_2001") / "coarse_on_fine_grid_20010812.tif", b + 1, grid.all());
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(stack.plane(0, b)[i], static_cast<Dn>(values[i]));
  }
  // the 480 m means, on the coarse lattice of the same corner
  auto coarse = sensor_of(data("boreas_2001"), "coarse_480m_*.tif", 3);
  EXPECT_TRUE(header_of(coarse, coarse_grid(grid, 16)).aligned);
}

TEST(RealScenes, unusual_files) {
  SKIP_WITHOUT_IMAGERY();
  auto const odd = data("odd");
  auto const scene_of = [&](std::string const& name, int bands) {
    auto sensor = sensor_of(odd, name, bands);
    Scene scene;
    for (int b = 1; b <= bands; ++b) scene.bands.push_back({odd / name, b});
    return std::pair(scene, sensor);
  };
  auto const check = [&](std::string const& name, int bands, Grid const& grid) {
    auto const [scene, sensor] = scene_of(name, bands);
    return check_scene(scene, sensor, grid);
  };
  Grid const brumadinho = read_grid(data("brumadinho_2019") / "fine_20190114.tif");
  EXPECT_FALSE(check("south_up.tif", 3, brumadinho).aligned);
  EXPECT_EQ(check("south_up.tif", 3, brumadinho).footprint_px.area() > 128 * 128, true);
  EXPECT_FALSE(check("half_pixel_shift.tif", 3, brumadinho).aligned);
  EXPECT_TRUE(check("float32_nan_gaps.tif", 3, brumadinho).aligned);
  Grid const boreas = read_grid(data("boreas_2001") / "fine_20010524.tif");
  EXPECT_THAT(error_of([&] { check("truncated.tif", 3, boreas); }),
              HasSubstr("truncated.tif, band 2: cannot be read ("));
  EXPECT_THAT(
      error_of([&] { check("MOD13A2.A2025001.h18v09.061.2025022080611.hdf", 1, brumadinho); }),
      HasSubstr("is a container and holds no band itself. Name a dataset inside it, for example HDF4_EOS:"));
  EXPECT_THAT(error_of([&] { check("corrupt.tif", 1, brumadinho); }), HasSubstr("corrupt.tif"));
  EXPECT_THAT(error_of([&] { check("float_nan.tif", 1, brumadinho); }), HasSubstr("has no CRS"));
  EXPECT_TRUE(check("envi_bsq_int16.dat", 23, read_grid(odd / "envi_bsq_int16.dat")).aligned);
}

}  // namespace
}  // namespace stfcube
