#pragma once

#include "stfcube/models/classical/fitfc_settings.hpp"
#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// The line that takes a coarse image to another in the cells around one cell.
struct CoarseFit {
  int count = 0;  ///< valid cells of the window; 0: no line
  double slope = 1, offset = 0;
};

/// Least squares of `after` on `before` over the valid cells of the window around a cell (column, row); sums
/// are exact.
/// @param before, after  planes [row, column] of the cells `held`
/// @source specs: fitfc.md, step 1
CoarseFit fit_around(FitFcSettings const& settings, Rect const& held, Dn const* before, Dn const* after,
                     int column, int row);

}  // namespace stfcube
