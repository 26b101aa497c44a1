#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube {

/// A run of consecutive target dates that are worked on together, as indices into the target list.
struct Slab {
  int first = 0, count = 0;
  auto operator<=>(Slab const&) const = default;
};

/// One piece of work: all bands of one tile for one slab. Owns its chunks of the cube alone.
struct Unit {
  int tile = 0, slab = 0;
  auto operator<=>(Unit const&) const = default;
};

struct PlanSettings {
  int tile_px = 512;        ///< wished tile size; rounded up to whole chunks and coarse cells' needs of the method
  int chunk_y = 256, chunk_x = 256, chunk_t = 1;
  int lattice_px = 1;       ///< tile corners are multiples of this too (blocks of a method, 1 when none)
  int slab_dates = 1;       ///< wished target dates per slab; rounded up to whole chunks
};

/// How the cube is cut. The same on every rank: a pure function of its arguments.
struct Plan {
  Rect grid_px;
  int tile_width = 0, tile_height = 0;  ///< of a full tile; tiles at the right and lower edge may be smaller
  int columns = 0, rows = 0;
  std::vector<Rect> tiles;              ///< row-major
  std::vector<Slab> slabs;
  std::vector<int> tile_order;          ///< tile numbers along the Hilbert curve

  std::size_t units() const { return tiles.size() * slabs.size(); }
  /// Units are numbered tile by tile, from 0.
  std::int64_t unit_number(Unit const& unit) const {
    return static_cast<std::int64_t>(unit.tile) * static_cast<std::int64_t>(slabs.size()) + unit.slab;
  }
  /// "x012y044".
  std::string tile_name(int tile) const;
};

/// @throws Error(config) when a setting is not positive.
Plan make_plan(Grid const& grid, int targets, PlanSettings const& settings);

/// The units of each rank, in the order of work: contiguous pieces of the Hilbert curve of nearly equal cost, the slabs
/// of a tile one after the other. `tile_cost` has one positive number per tile. Pure; every unit appears exactly once.
std::vector<std::vector<Unit>> assign(Plan const& plan, std::span<double const> tile_cost, int ranks);

}  // namespace stfcube
