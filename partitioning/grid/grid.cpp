#include "stfcube/partitioning/grid/grid.hpp"

#include <fmt/format.h>

#include <cmath>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// The first quoted name in a WKT: enough to recognise a CRS in a log line.
std::string crs_name(std::string const& wkt) {
  auto const begin = wkt.find('"');
  auto const end = begin == std::string::npos ? begin : wkt.find('"', begin + 1);
  return end == std::string::npos ? "no CRS" : wkt.substr(begin + 1, end - begin - 1);
}

/// The EPSG code of the whole WKT2, "" when it has none.
std::string epsg_code(std::string const& wkt) {
  auto const at = wkt.rfind("ID[\"EPSG\",");
  return at == std::string::npos || !wkt.ends_with("]]") ? "" : wkt.substr(at);
}

}  // namespace

Grid coarse_grid(Grid const& fine, int ratio) {
  require(ratio >= 1, ErrorKind::config,
          fmt::format("grid.ratio = {} (must be at least 1). It is coarse pixel size / fine pixel size, "
                      "for example 16 for 480 m and 30 m.",
                      ratio));
  Grid coarse = fine;
  coarse.dx = fine.dx * ratio;
  coarse.dy = fine.dy * ratio;
  coarse.width = (fine.width + ratio - 1) / ratio;
  coarse.height = (fine.height + ratio - 1) / ratio;
  return coarse;
}

Rect coarse_cells(Rect const& px, int ratio, int margin_cells, Grid const& coarse) {
  Rect const outer = align_outward(px, ratio);
  Rect const cells{outer.x / ratio, outer.y / ratio, outer.width / ratio, outer.height / ratio};
  return intersect(grow(cells, margin_cells), coarse.all());
}

bool same_pixels(Grid const& a, Grid const& b) {
  constexpr double tolerance_px = 0.01;
  if (a.width != b.width || a.height != b.height) return false;
  if (a.crs_wkt.empty() || b.crs_wkt.empty()) return true;
  std::string const a_code = epsg_code(a.crs_wkt), b_code = epsg_code(b.crs_wkt);
  if (!a_code.empty() && !b_code.empty() && a_code != b_code) return false;
  double const x_tolerance = tolerance_px * a.dx, y_tolerance = tolerance_px * a.dy;
  return a.geographic == b.geographic && std::abs(a.x0 - b.x0) < x_tolerance &&
         std::abs(a.y0 - b.y0) < y_tolerance && std::abs(a.dx - b.dx) * a.width < x_tolerance &&
         std::abs(a.dy - b.dy) * a.height < y_tolerance;
}

void check(Grid const& grid) {
  constexpr double most_pixels = 1e12;
  require(grid.dx > 0 && grid.dy > 0 && std::isfinite(grid.dx) && std::isfinite(grid.dy), ErrorKind::config,
          fmt::format("grid: pixel size {} x {} (must be positive). Set grid.resolution.", grid.dx, grid.dy));
  require(grid.width > 0 && grid.height > 0, ErrorKind::config,
          fmt::format("grid: {} x {} pixels (must be positive). Check grid.bounds = xmin ymin xmax ymax "
                      "and grid.resolution.",
                      grid.width, grid.height));
  require(static_cast<double>(grid.width) * grid.height <= most_pixels, ErrorKind::config,
          fmt::format("grid: {} x {} pixels are more than {:.0e}. Check grid.resolution, or split the region.",
                      grid.width, grid.height, most_pixels));
}

std::string describe(Grid const& grid) {
  return fmt::format("{} x {} pixels of {:g} x {:g} {}, corner ({:.10g}, {:.10g}), {}", grid.width, grid.height,
                     grid.dx, grid.dy, grid.geographic ? "degrees" : "m", grid.x0, grid.y0, crs_name(grid.crs_wkt));
}

}  // namespace stfcube
