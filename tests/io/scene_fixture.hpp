#pragma once

#include <array>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gdal_priv.h>
#include <gtest/gtest.h>
#include <ogr_spatialref.h>

#include "stfcube/io/observation_reader.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

/// Scenes made in a test, and what is asked of them.
namespace stfcube::testing {

inline constexpr char const* utm = "EPSG:32633";
inline constexpr char const* laea = "EPSG:3035";

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

inline void write(RasterFile const& file, Values const& value) {
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

inline Grid grid_at(double x0, double y0, double size, int width, int height, char const* crs = utm) {
  Grid grid = grid_with_crs(crs);
  grid.x0 = x0;
  grid.y0 = y0;
  grid.dx = grid.dy = size;
  grid.width = width;
  grid.height = height;
  return grid;
}

inline SensorSpec sensor_of(std::filesystem::path const& folder, std::string const& scenes, int bands = 1) {
  SensorSpec sensor;
  sensor.base = folder;
  sensor.scenes = {scenes};
  for (int b = 1; b <= bands; ++b) sensor.bands.push_back({"band" + std::to_string(b), std::to_string(b)});
  sensor.scale = 1e-4;
  return sensor;
}

inline std::unique_ptr<ObservationReader> open(SensorSpec const& sensor, Grid const& grid,
                                               Quantity const& quantity = {}) {
  Catalog catalog = find_scenes(sensor);
  std::vector<SceneHeader> headers;
  for (auto const& scene : catalog.scenes) headers.push_back(check_scene(scene, sensor, grid));
  return make_observation_reader(std::move(catalog), std::move(headers), grid, quantity);
}

inline std::vector<Dn> all_values(Stack<Dn> const& stack) {
  return {stack.all().begin(), stack.all().end()};
}

inline std::vector<Dn> read_all(SensorSpec const& sensor, Grid const& grid) {
  return all_values(open(sensor, grid)->read(0, grid.all()));
}

inline std::string error_of(std::function<void()> const& action, ErrorKind kind = ErrorKind::data) {
  try {
    action();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

inline std::string check_error(SensorSpec const& sensor, Grid const& grid, ErrorKind kind = ErrorKind::data) {
  return error_of([&] { check_scene(find_scenes(sensor).scenes.at(0), sensor, grid); }, kind);
}

inline SceneHeader header_of(SensorSpec const& sensor, Grid const& grid) {
  return check_scene(find_scenes(sensor).scenes.at(0), sensor, grid);
}
/// A textured scene with gaps, 10 m, UTM 33N; the grid is 10 m LAEA Europe, turned by several degrees against
/// it.
inline void write_textured(std::filesystem::path const& path) {
  write({.path = path,
         .width = 400,
         .height = 400,
         .bands = 2,
         .no_data = -9999,
         .transform = {650000, 10, 0, 5150000, 0, -10}},
        [](int b, int y, int x) {
          if ((y > 200 && (x * 7 + y * 13) % 97 == 0) || (x > 90 && x < 102)) return -9999.0;
          return std::round(4000 + 2000 * std::sin(0.31 * x + b) * std::cos(0.23 * y) +
                            3 * ((x * 31 + y * 17) % 101));
        });
}

inline Grid laea_grid_over(double x, double y, double size, int width, int height) {
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
}  // namespace stfcube::testing
