#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/gdal/crs.hpp"
#include "stfcube/io/gdal/pixel_transformer.hpp"
#include "stfcube/io/gdal/scene_files.hpp"
#include "stfcube/partitioning/core/log.hpp"

namespace stfcube {
namespace {

/// The scene's own lattice; of a rotated or south-up scene the corner, pixel sizes and sizes.
Grid own_grid(gdal::SceneGeometry const& geometry, Grid const& target) {
  auto const& t = geometry.to_world;
  Grid grid = target;
  if (!geometry.crs_wkt.empty()) gdal::set_crs(grid, gdal::crs_from_text(geometry.crs_wkt, "CRS"));
  grid.width = geometry.width;
  grid.height = geometry.height;
  grid.dx = std::hypot(t[1], t[4]);
  grid.dy = std::hypot(t[2], t[5]);
  grid.x0 = t[1] >= 0 ? t[0] : t[0] + t[1] * geometry.width;
  grid.y0 = t[5] <= 0 ? t[3] : t[3] + t[5] * geometry.height;
  return grid;
}

std::string extent(Rect const& px, Grid const& grid) {
  return fmt::format("x {:.10g} to {:.10g}, y {:.10g} to {:.10g}", grid.x0 + px.x * grid.dx,
                     grid.x0 + px.right() * grid.dx, grid.y0 - px.bottom() * grid.dy,
                     grid.y0 - px.y * grid.dy);
}

/// Grid pixels of the scene, not clipped; the whole grid when the scene reaches where the grid's CRS does
/// not.
Rect reach(gdal::SceneGeometry const& geometry, Grid const& target, std::string const& path) {
  try {
    gdal::PixelTransformer const transformer(geometry, target);
    return gdal::reach_on_grid(transformer, geometry).value_or(target.all());
  } catch (Error const& error) {
    throw error.with(path);
  }
}

}  // namespace

SceneHeader check_scene(Scene const& scene, SensorSpec const& sensor, Grid const& target) {
  gdal::SceneFiles const files(scene, sensor, target);
  files.check_last_blocks();
  auto const& geometry = files.geometry();
  std::string const& path = scene.bands.front().path;
  if (geometry.rotated())
    log::warning(fmt::format("{}: rotated geotransform; the scene is resampled onto the grid.", path));

  auto const aligned = gdal::aligned_rect(geometry, target);
  Rect const covered = aligned ? *aligned : reach(geometry, target, path);
  SceneHeader header;
  header.grid = own_grid(geometry, target);
  header.aligned = aligned.has_value();
  header.footprint_px = intersect(covered, target.all());
  require(
      !header.footprint_px.empty(), ErrorKind::data,
      fmt::format(
          "{}: has no area in common with the target grid: the scene covers {}, the grid {} (in the grid's "
          "CRS). Leave it out with {}.exclude, or correct grid.bounds or {}.crs.",
          path, extent(covered, target), extent(target.all(), target), sensor.role, sensor.role));
  return header;
}

}  // namespace stfcube
