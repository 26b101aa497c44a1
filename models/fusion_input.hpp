#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/core/stack.hpp"
#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// Observations of one sensor over one rectangle of its grid.
struct SceneSeries {
  std::vector<Date> dates;  ///< ascending, unique
  Stack<Dn> dn;             ///< [date, band, y, x]; no_data_dn in all bands of a pixel, or in none
};

/// What a method sees: everything it may look at to predict the core of one tile.
struct FusionInput {
  Rect scene_px;   ///< the whole target grid: windows are clipped at its edge, never at a tile's
  Rect core_px;    ///< pixels to predict, on the target grid
  Rect padded_px;  ///< pixels held by `fine`: the core grown by the method's halo, clipped to the scene
  Rect cells;      ///< coarse cells held by `coarse`, on the coarse grid, clipped to the scene's cells
  int ratio = 1;   ///< coarse pixel / fine pixel
  SceneSeries fine, coarse;
  std::vector<Date> targets;  ///< ascending, unique
  Stack<std::int32_t>
      classes;  ///< [1, 1, y, x] over padded_px: the job's class map, -1 = none; empty without one
  Stack<std::int32_t> objects;  ///< the same of the job's object map
};

}  // namespace stfcube
