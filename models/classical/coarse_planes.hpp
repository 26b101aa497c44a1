#pragma once

#include <span>
#include <vector>

#include "stfcube/models/classical/resample.hpp"

namespace stfcube {

/// Values of one band on the coarse cells of a tile, as doubles: [held rows, held columns]; NaN = invalid.
using CellField = std::vector<double>;

/// One plane of the coarse series as doubles. @param plane  [held rows, held columns]
CellField cell_field(CellFrame const& frame, Dn const* plane);

/// The field at the fine pixels of `px`, row-major, by Keys' cubic convolution (a = -0.5), first along x,
/// then along y. Cells outside the scene repeat those at its edge. Where one of the 16 cells is invalid:
/// bilinear over the valid ones of the four around the pixel; NaN where none is valid. Looks two cells beyond
/// the pixel's own.
/// @source specs: conventions, section 4
/// @throws Error(internal) when the frame does not hold a cell
std::vector<double> bicubic_plane(CellFrame const& frame, CellField const& field, Rect const& px);

/// The same by the bilinear rule alone. Looks one cell beyond the pixel's own.
std::vector<double> bilinear_plane(CellFrame const& frame, CellField const& field, Rect const& px);

/// One plane of the coarse series at the fine pixels of `px`, row-major: bilinear, rounded half away from
/// zero in integers; no_data_dn where no cell is valid. @source specs: conventions, section 4, rounded
/// bilinear
std::vector<Dn> rounded_bilinear_plane(CellFrame const& frame, Dn const* plane, Rect const& px);

/// One plane of the coarse series at the fine pixels of `px`: that of the cell that holds the pixel.
std::vector<Dn> nearest_plane(CellFrame const& frame, Dn const* plane, Rect const& px);

}  // namespace stfcube
