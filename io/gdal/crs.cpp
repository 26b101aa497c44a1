#include "stfcube/io/gdal/crs.hpp"

#include <array>

#include <fmt/format.h>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/gdal/gdal_support.hpp"

namespace stfcube {
namespace gdal {

OGRSpatialReference crs_from_text(std::string const& text, std::string const& what, ErrorKind kind) {
  OGRSpatialReference crs;
  if (!text.empty()) {
    start();
    ErrorTrap const trap;
    std::array<char const*, 3> const options = {"ALLOW_NETWORK_ACCESS=NO", "ALLOW_FILE_ACCESS=NO", nullptr};
    bool const known = crs.SetFromUserInput(text.c_str(), options.data()) == OGRERR_NONE;
    require(known, kind,
            fmt::format("{} = {} is not a CRS ({}). Use a code such as EPSG:32755, or WKT, or a PROJ text.",
                        what, text.substr(0, 80), trap.reason()));
  }
  crs.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
  return crs;
}

void set_crs(Grid& grid, OGRSpatialReference const& crs) {
  char* text = nullptr;
  std::array<char const*, 2> const options = {"FORMAT=WKT2_2018", nullptr};
  if (crs.exportToWkt(&text, options.data()) == OGRERR_NONE) grid.crs_wkt = text;
  CPLFree(text);
  grid.geographic = crs.IsGeographic();
  grid.metres_per_unit = grid.geographic ? 1 : crs.GetLinearUnits();
}

bool is_local(OGRSpatialReference const& crs) {
  return crs.IsEmpty() || crs.IsLocal();
}

bool same_crs(OGRSpatialReference const& a, OGRSpatialReference const& b) {
  if (is_local(a) && is_local(b)) return true;
  std::array<char const*, 2> const options = {"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES", nullptr};
  return a.IsSame(&b, options.data());
}

std::string crs_name(OGRSpatialReference const& crs) {
  if (crs.IsEmpty()) return "no CRS";
  char const* authority = crs.GetAuthorityName(nullptr);
  char const* code = crs.GetAuthorityCode(nullptr);
  if (authority != nullptr && code != nullptr) return fmt::format("{}:{}", authority, code);
  char const* name = crs.GetName();
  return name == nullptr ? "unnamed CRS" : name;
}

}  // namespace gdal

Grid grid_with_crs(std::string const& crs_text, std::string const& what) {
  Grid grid;
  gdal::set_crs(grid, gdal::crs_from_text(crs_text, what));
  return grid;
}

}  // namespace stfcube
