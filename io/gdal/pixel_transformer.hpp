#pragma once

#include <array>
#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube::gdal {

/// Where the pixels of a scene's files lie.
struct SceneGeometry {
  std::array<double, 6> to_world{0, 1, 0, 0, 0, -1};  ///< geotransform of the files
  int width = 0, height = 0;
  std::string crs_wkt;  ///< empty: the target grid's

  auto operator<=>(SceneGeometry const&) const = default;
  bool rotated() const { return to_world[2] != 0 || to_world[4] != 0; }
};

/// The scene's rectangle on the grid, in grid pixels (may reach outside), when its pixels are pixels of the
/// grid: same CRS, pixel sizes equal to 1e-6, corners a whole number of pixels apart to 1e-3 pixel.
std::optional<Rect> aligned_rect(SceneGeometry const& scene, Grid const& grid);

/// Points in pixel coordinates: (0, 0) is the outer corner of the first pixel.
struct Points {
  std::vector<double> x, y;
  std::vector<int> ok;  ///< 0 where a point has no image

  void add(double px, double py) {
    x.push_back(px);
    y.push_back(py);
  }
  std::size_t size() const { return x.size(); }
};

/// Points on the border and inside of a pixel rectangle, a regular lattice of `steps` + 1 points each way.
Points lattice(Rect const& px, int steps);

/// Exact transformation between the pixels of a grid and those of a scene: fixed by the two as a whole, so
/// that windows do not matter. One thread at a time.
class PixelTransformer {
 public:
  /// @throws Error(data) when the two CRS cannot be related
  PixelTransformer(SceneGeometry const& scene, Grid const& grid);
  ~PixelTransformer();
  PixelTransformer(PixelTransformer const&) = delete;
  PixelTransformer& operator=(PixelTransformer const&) = delete;

  void to_scene(Points& points) const;
  void to_grid(Points& points) const;

  /// Scene pixels per grid pixel along the scene's columns and rows near the scene's centre, never below 1,
  /// whole where it is within 5 % of a whole number.
  double columns_per_pixel() const { return ratio_x_; }
  double rows_per_pixel() const { return ratio_y_; }

  /// For the warper: `arg` is a WindowTransformer.
  static int transform_window(void* arg, int destination_to_source, int count, double* x, double* y,
                              double* z, int* ok);

 private:
  void measure_ratio(SceneGeometry const& scene);
  int transform(bool to_scene, int count, double* x, double* y, double* z, int* ok) const;

  void* native_ = nullptr;
  double ratio_x_ = 1, ratio_y_ = 1;
};

/// A PixelTransformer seen from a window of the scene and a window of the grid. Offsets are whole pixels, so
/// that the same pixel gets the same fraction in every window.
struct WindowTransformer {
  std::array<char, 4> no_signature{};  ///< the library looks here for transformers of its own
  PixelTransformer const* transformer = nullptr;
  Rect scene_window, grid_window;
};

/// Grid pixels that the scene may reach, not clipped; nothing when some border of the scene has no image on
/// the grid.
std::optional<Rect> reach_on_grid(PixelTransformer const& transformer, SceneGeometry const& scene);

}  // namespace stfcube::gdal
