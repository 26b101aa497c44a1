#include "stfcube/io/gdal/pixel_transformer.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gdal_alg.h>

#include "stfcube/io/gdal/gdal_support.hpp"

namespace stfcube::gdal {
namespace {

/// A raster without pixels: only says where it lies.
DatasetPtr placeholder(int width, int height, std::array<double, 6> transform, std::string const& crs_wkt) {
  auto* driver = GetGDALDriverManager()->GetDriverByName("MEM");
  DatasetPtr dataset(driver->Create("", width, height, 0, GDT_Byte, nullptr));
  ensure(dataset != nullptr, "in-memory raster");
  dataset->SetGeoTransform(transform.data());
  if (!crs_wkt.empty()) {
    OGRSpatialReference crs;
    crs.importFromWkt(crs_wkt.c_str());
    crs.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
    dataset->SetSpatialRef(&crs);
  }
  return dataset;
}

double settled(double ratio) {
  double const whole = std::round(ratio);
  if (ratio <= 1) return 1;
  return std::abs(ratio - whole) < 0.05 * whole ? whole : ratio;
}

/// A coordinate in steps of a millionth pixel, whose sums with whole pixels are exact.
double in_fractions(double value) {
  constexpr double steps = 1 << 20;
  return std::round(value * steps) / steps;
}

/// A pixel number that fits an int with room to add to it.
int as_pixel(double value) {
  return static_cast<int>(std::clamp(value, -1e9, 1e9));
}

}  // namespace

std::optional<Rect> aligned_rect(SceneGeometry const& scene, Grid const& grid) {
  auto const& t = scene.to_world;
  if (!scene.crs_wkt.empty() || scene.rotated() || !(t[1] > 0) || !(t[5] < 0)) return std::nullopt;
  constexpr double size_tolerance = 1e-6, corner_tolerance_px = 1e-3;
  if (std::abs(t[1] / grid.dx - 1) > size_tolerance || std::abs(-t[5] / grid.dy - 1) > size_tolerance)
    return std::nullopt;
  double const column = (t[0] - grid.x0) / grid.dx;
  double const row = (grid.y0 - t[3]) / grid.dy;
  bool const whole = std::abs(column - std::round(column)) <= corner_tolerance_px &&
                     std::abs(row - std::round(row)) <= corner_tolerance_px;
  if (!whole || std::abs(column) > 1e9 || std::abs(row) > 1e9) return std::nullopt;
  return Rect{as_pixel(std::round(column)), as_pixel(std::round(row)), scene.width, scene.height};
}

Points lattice(Rect const& px, int steps) {
  Points points;
  for (int j = 0; j <= steps; ++j)
    for (int i = 0; i <= steps; ++i)
      points.add(px.x + static_cast<double>(px.width) * i / steps,
                 px.y + static_cast<double>(px.height) * j / steps);
  return points;
}

PixelTransformer::PixelTransformer(SceneGeometry const& scene, Grid const& grid) {
  start();
  ErrorTrap const trap;
  bool const same = scene.crs_wkt.empty();
  auto const source = placeholder(scene.width, scene.height, scene.to_world, scene.crs_wkt);
  auto const target = placeholder(grid.width, grid.height, {grid.x0, grid.dx, 0, grid.y0, 0, -grid.dy},
                                  same ? std::string() : grid.crs_wkt);
  native_ = GDALCreateGenImgProjTransformer2(source.get(), target.get(), nullptr);
  require(native_ != nullptr, ErrorKind::data,
          fmt::format("its CRS cannot be related to that of the target grid ({}). Set the CRS of the sensor "
                      "or of the grid",
                      trap.reason()));
  measure_ratio(scene);
}

PixelTransformer::~PixelTransformer() {
  GDALDestroyGenImgProjTransformer(native_);
}

int PixelTransformer::transform(bool to_scene, int count, double* x, double* y, double* z, int* ok) const {
  return GDALGenImgProjTransform(native_, to_scene ? TRUE : FALSE, count, x, y, z, ok);
}

void PixelTransformer::to_scene(Points& points) const {
  ErrorTrap const trap;
  std::vector<double> z(points.size(), 0.0);
  points.ok.assign(points.size(), 0);
  transform(true, static_cast<int>(points.size()), points.x.data(), points.y.data(), z.data(),
            points.ok.data());
}

void PixelTransformer::to_grid(Points& points) const {
  ErrorTrap const trap;
  std::vector<double> z(points.size(), 0.0);
  points.ok.assign(points.size(), 0);
  transform(false, static_cast<int>(points.size()), points.x.data(), points.y.data(), z.data(),
            points.ok.data());
}

void PixelTransformer::measure_ratio(SceneGeometry const& scene) {
  Points centres = lattice({0, 0, scene.width, scene.height}, 4);
  centres.add(0.5 * scene.width, 0.5 * scene.height);
  to_grid(centres);
  for (std::size_t i = centres.size(); i-- > 0;) {  // the centre first
    if (!centres.ok[i]) continue;
    Points cross;
    cross.add(centres.x[i] - 0.5, centres.y[i]);
    cross.add(centres.x[i] + 0.5, centres.y[i]);
    cross.add(centres.x[i], centres.y[i] - 0.5);
    cross.add(centres.x[i], centres.y[i] + 0.5);
    to_scene(cross);
    if (std::ranges::count(cross.ok, 0) > 0) continue;
    ratio_x_ = settled(std::hypot(cross.x[1] - cross.x[0], cross.x[3] - cross.x[2]));
    ratio_y_ = settled(std::hypot(cross.y[1] - cross.y[0], cross.y[3] - cross.y[2]));
    return;
  }
}

int PixelTransformer::transform_window(void* arg, int destination_to_source, int count, double* x, double* y,
                                       double* z, int* ok) {
  auto const& window = *static_cast<WindowTransformer const*>(arg);
  Rect const& from = destination_to_source ? window.grid_window : window.scene_window;
  Rect const& to = destination_to_source ? window.scene_window : window.grid_window;
  for (int i = 0; i < count; ++i) {
    x[i] += from.x;
    y[i] += from.y;
  }
  int const done = window.transformer->transform(destination_to_source != 0, count, x, y, z, ok);
  for (int i = 0; i < count; ++i) {
    x[i] = in_fractions(x[i]) - to.x;
    y[i] = in_fractions(y[i]) - to.y;
  }
  return done;
}

std::optional<Rect> reach_on_grid(PixelTransformer const& transformer, SceneGeometry const& scene) {
  Points points = lattice({0, 0, scene.width, scene.height}, 64);
  transformer.to_grid(points);
  if (std::ranges::count(points.ok, 0) > 0) return std::nullopt;
  auto const [left, right] = std::ranges::minmax(points.x);
  auto const [top, bottom] = std::ranges::minmax(points.y);
  int const x = as_pixel(std::floor(left));
  int const y = as_pixel(std::floor(top));
  constexpr int between_points_px = 2;  // what a curved border may bulge out between two lattice points
  return grow({x, y, as_pixel(std::ceil(right)) - x, as_pixel(std::ceil(bottom)) - y}, between_points_px);
}

}  // namespace stfcube::gdal
