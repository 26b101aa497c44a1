#include "stfcube/io/gdal/gdal_support.hpp"

#include <array>
#include <cmath>
#include <mutex>

#include <cpl_error.h>
#include <fmt/format.h>
#include <ogr_spatialref.h>

namespace stfcube::gdal {
namespace {

void describe_crs(OGRSpatialReference const& crs, Grid& grid) {
  char* text = nullptr;
  std::array<char const*, 2> const options = {"FORMAT=WKT2_2019", nullptr};
  if (crs.exportToWkt(&text, options.data()) == OGRERR_NONE) grid.crs_wkt = text;
  CPLFree(text);
  grid.geographic = crs.IsGeographic();
  grid.metres_per_unit = grid.geographic ? 1 : crs.GetLinearUnits();
}

}  // namespace

void start() {
  static std::once_flag once;
  std::call_once(once, [] { GDALAllRegister(); });
}

ErrorTrap::ErrorTrap() {
  CPLErrorReset();
  CPLPushErrorHandlerEx(&ErrorTrap::collect, this);
}

ErrorTrap::~ErrorTrap() {
  CPLPopErrorHandler();
}

void ErrorTrap::collect(CPLErr severity, CPLErrorNum /*number*/, char const* message) {
  auto& self = *static_cast<ErrorTrap*>(CPLGetErrorHandlerUserData());
  if (severity >= CE_Failure && self.first_failure_.empty()) self.first_failure_ = message;
}

std::string ErrorTrap::reason() const {
  return failed() ? first_failure_ : "no reason given";
}

DatasetPtr open_dataset(std::string const& path, ErrorKind kind) {
  start();
  ErrorTrap const trap;
  DatasetPtr dataset(GDALDataset::Open(path.c_str(), GDAL_OF_RASTER | GDAL_OF_READONLY));
  require(
      dataset != nullptr, kind,
      fmt::format("{}: cannot be opened as a raster ({}). Check that the file is there, readable and whole.",
                  path, trap.reason()));
  return dataset;
}

Grid grid_of(GDALDataset& dataset, std::string const& path, ErrorKind kind) {
  Grid grid;
  grid.width = dataset.GetRasterXSize();
  grid.height = dataset.GetRasterYSize();
  std::array<double, 6> transform{};
  if (dataset.GetGeoTransform(transform.data()) == CE_None) {
    require(
        transform[2] == 0 && transform[4] == 0 && transform[1] > 0 && transform[5] < 0, kind,
        fmt::format("{}: the raster is rotated or not north-up. Warp it first (gdalwarp makes it north-up).",
                    path));
    grid.x0 = transform[0];
    grid.y0 = transform[3];
    grid.dx = transform[1];
    grid.dy = -transform[5];
  }
  if (OGRSpatialReference const* crs = dataset.GetSpatialRef()) describe_crs(*crs, grid);
  return grid;
}

}  // namespace stfcube::gdal
