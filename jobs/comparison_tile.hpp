#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/jobs/comparison.hpp"
#include "stfcube/models/accuracy_strata.hpp"

namespace stfcube {

/// How many values of one side of a pair were looked at, and how many did not look like the quantity.
struct RangeCount {
  std::int64_t values = 0, outside = 0;
  bool mostly_outside() const { return 2 * outside > values; }
};

/// Both images of a pair over one tile, and the strata its pixels belong to.
struct ComparedTile {
  PairedTile tile;
  std::vector<LabelPlane> layers;
  RangeCount prediction, reference;
};

/// Pixels beside and below the core that a tile needs, clipped to the image.
Rect with_margin(Rect const& core_px, int coarse_cell_px, Rect const& all_px);

/// The cells of a coarse image that belong to the core of a tile, without their values.
/// @param all_px    the fine image
/// @param held_px   of the tile
/// @param cells     of the whole coarse image
CoarseCells cells_of_tile(Rect const& core_px, Rect const& held_px, int cell_px, Rect const& all_px,
                          Rect const& cells);

/// The class of every pixel of `px`. @throws Error(data) when the map does not hold whole numbers
LabelPlane read_classes(LabelMap const& classes, Rect const& px);

/// Makes values zero where a pixel does not count.
void clear_invalid(PairedTile& tile);

/// Reads one tile of one pair.
ComparedTile read_tile(Comparison& comparison, ComparedPair const& pair, Rect const& core_px);

/// Adds the reference's valid pixels of one tile to `counts`, one per band.
void count_levels(Comparison& comparison, ComparedPair const& pair, Rect const& core_px,
                  std::span<LevelCounts> counts);

/// The tiles of an image.
std::vector<Rect> comparison_tiles(Rect const& all_px);

}  // namespace stfcube
