#include "stfcube/io/gdal/gdal_support.hpp"

#include <array>
#include <cmath>
#include <mutex>
#include <optional>

#include <cpl_conv.h>
#include <cpl_error.h>
#include <fmt/format.h>

#include "stfcube/io/gdal/crs.hpp"
#include "stfcube/io/gdal/open_failure.hpp"

namespace stfcube::gdal {
namespace {

/// Formats that we open. Anything else could be made to do more than to give pixels (design: reliability,
/// section 4).
std::array<char const*, 18> const allowed_drivers = {
    "GTiff", "COG", "JP2OpenJPEG", "SENTINEL2", "HDF4", "HDF4Image", "HDF5", "HDF5Image", "netCDF",
    "VRT",   "GTI", "STACIT",      "ENVI",      "HFA",  "Zarr",      "PNG",  "MEM",       nullptr};

void set_default(char const* name, char const* value) {
  if (CPLGetConfigOption(name, nullptr) == nullptr) CPLSetConfigOption(name, value);
}

void configure() {
  CPLSetConfigOption("GDAL_VRT_ENABLE_PYTHON", "NO");
  CPLSetConfigOption("GDAL_NUM_THREADS", "1");
  // No listing of large folders on each open; side files (ENVI's .hdr, .aux.xml) are still looked for by
  // name.
  set_default("GDAL_DISABLE_READDIR_ON_OPEN", "TRUE");
  set_default("GDAL_HTTP_MAX_RETRY", "3");
  set_default("GDAL_HTTP_RETRY_DELAY", "2");
  set_default("VSI_CACHE", "TRUE");
}

bool is_remote(std::string const& path) {
  return path.find("/vsi") != std::string::npos && path.find("/vsimem/") == std::string::npos;
}

}  // namespace

void start() {
  static std::once_flag once;
  std::call_once(once, [] {
    configure();
    GDALAllRegister();
  });
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
  // Remote side files cost one request each and are rarely there.
  std::optional<CPLConfigOptionSetter> no_side_files;
  if (is_remote(path)) no_side_files.emplace("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR", false);
  DatasetPtr dataset(
      GDALDataset::Open(path.c_str(), GDAL_OF_RASTER | GDAL_OF_READONLY, allowed_drivers.data()));
  if (dataset == nullptr) throw Error(kind, explain_open_failure(path, trap.failed() ? trap.reason() : "no format that GDAL knows here"));
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
  if (OGRSpatialReference const* crs = dataset.GetSpatialRef()) set_crs(grid, *crs);
  return grid;
}

}  // namespace stfcube::gdal
