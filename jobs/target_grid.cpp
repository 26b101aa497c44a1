#include "stfcube/jobs/target_grid.hpp"

#include <fmt/format.h>

#include <cmath>

#include "stfcube/io/catalog.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// The pixels of `grid` that `bounds` touches, as a grid: the lattice stays the same.
Grid crop(Grid const& grid, std::array<double, 4> const& bounds) {
  // A bound that lies on a pixel edge up to rounding must not take in the next pixel.
  constexpr double slack = 1e-6;
  double const left = std::floor((bounds[0] - grid.x0) / grid.dx + slack);
  double const right = std::ceil((bounds[2] - grid.x0) / grid.dx - slack);
  double const top = std::floor((grid.y0 - bounds[3]) / grid.dy + slack);
  double const bottom = std::ceil((grid.y0 - bounds[1]) / grid.dy - slack);
  constexpr double most = 1 << 30;
  require(std::fabs(left) < most && std::fabs(right) < most && std::fabs(top) < most && std::fabs(bottom) < most,
          ErrorKind::config,
          fmt::format("grid.bounds = {} {} {} {} give {:.3g} x {:.3g} pixels, more than a cube can have. Check "
                      "grid.bounds and grid.resolution: both are in units of the CRS.", bounds[0],
                      bounds[1], bounds[2], bounds[3], right - left, bottom - top));
  Grid cropped = grid;
  cropped.x0 = grid.x0 + left * grid.dx;
  cropped.y0 = grid.y0 - top * grid.dy;
  cropped.width = static_cast<int>(right - left);
  cropped.height = static_cast<int>(bottom - top);
  return cropped;
}

Grid grid_of_raster(std::string const& path) {
  try {
    return read_grid(path);
  } catch (Error const& error) {
    throw error.with("grid.like");
  }
}

}  // namespace

Grid resolve_grid(GridSpec const& spec) {
  Grid grid;
  if (!spec.like.empty()) {
    grid = grid_of_raster(spec.like.string());
    if (spec.bounds) grid = crop(grid, *spec.bounds);
  } else {
    grid = grid_with_crs(spec.crs, "grid.crs");
    grid.x0 = (*spec.bounds)[0];
    grid.y0 = (*spec.bounds)[3];
    grid.dx = (*spec.resolution)[0];
    grid.dy = (*spec.resolution)[1];
    grid = crop(grid, *spec.bounds);
  }
  check(grid);
  return grid;
}

int resolve_ratio(GridSpec const& spec, Grid const& fine, Grid const& coarse_scene) {
  if (spec.ratio) return *spec.ratio;
  double const ratio = coarse_scene.dx / fine.dx;
  double const whole = std::round(ratio);
  require(fine.geographic == coarse_scene.geographic && whole >= 1 && whole <= most_ratio &&
              std::fabs(ratio - whole) < 0.01 * whole,
          ErrorKind::config,
          fmt::format("grid.ratio is missing, and coarse pixels ({:g}) are no whole multiple of fine ones ({:g}). Set "
                      "grid.ratio, for example 16 for 463 m and 30 m: coarse scenes are resampled to that multiple.",
                      coarse_scene.dx, fine.dx));
  return static_cast<int>(whole);
}

}  // namespace stfcube
