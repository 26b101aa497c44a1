#pragma once

#include <string>

#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// A north-up raster lattice: CRS, outer upper-left corner, pixel size, size. A value type.
/// Everything is anchored to its corner: tiles, blocks, coarse cells (specs: conventions, section 1).
struct Grid {
  std::string crs_wkt;           ///< WKT2; empty: none known
  double x0 = 0, y0 = 0;         ///< outer corner of pixel (0,0), CRS units
  double dx = 1, dy = 1;         ///< pixel size, both positive; rows go south
  int width = 0, height = 0;     ///< pixels
  bool geographic = false;       ///< x, y are degrees of longitude and latitude
  double metres_per_unit = 1;    ///< length of one CRS unit, for text only

  Rect all() const { return {0, 0, width, height}; }
  double centre_x(int column) const { return x0 + (column + 0.5) * dx; }
  double centre_y(int row) const { return y0 - (row + 0.5) * dy; }
};

/// The coarse lattice over `fine`: same corner and CRS, pixels of `ratio` fine pixels. The last cells may be partial.
/// @throws Error(config) when ratio < 1
Grid coarse_grid(Grid const& fine, int ratio);

/// The coarse cells that touch the fine rectangle `px`, grown by `margin_cells`, clipped to the coarse grid.
Rect coarse_cells(Rect const& px, int ratio, int margin_cells, Grid const& coarse);

/// Whether both have the same pixels on the ground, to a hundredth of a pixel. Without a CRS on both sides only sizes can be
/// compared.
bool same_pixels(Grid const& a, Grid const& b);

/// Checks sizes and steps. @throws Error(config) with the number that is wrong (empty, negative, absurdly large).
void check(Grid const& grid);

/// "3000 x 2400 pixels of 30 x 30 m, corner (380000, 6160000), EPSG:32755", for logs and plans.
std::string describe(Grid const& grid);

}  // namespace stfcube
