// The raster library as a whole: version, cache, the grid of one file.
#include <fmt/format.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/gdal/gdal_support.hpp"
#include "stfcube/io/observation_reader.hpp"

namespace stfcube {

std::string raster_library_version() {
  int major = 0, minor = 0, patch = 0;
  OSRGetPROJVersion(&major, &minor, &patch);
  return fmt::format("GDAL {}, PROJ {}.{}.{}", GDALVersionInfo("RELEASE_NAME"), major, minor, patch);
}

Grid read_grid(std::string const& path) {
  auto const dataset = gdal::open_dataset(path, ErrorKind::config);
  return gdal::grid_of(*dataset, path, ErrorKind::config);
}

void set_raster_cache_bytes(std::uint64_t bytes) {
  gdal::start();
  GDALSetCacheMax64(static_cast<GIntBig>(bytes));
}

}  // namespace stfcube
