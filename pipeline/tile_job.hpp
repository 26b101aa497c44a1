#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/label_map.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/pipeline/block_cache.hpp"
#include "stfcube/pipeline/timings.hpp"
#include "stfcube/partitioning/schedule/plan.hpp"

namespace stfcube {

/// Everything that is the same for all units of a run.
struct FusionTask {
  Grid fine_grid, coarse_grid;
  int ratio = 1;
  std::vector<Date> targets;
  std::vector<std::string> bands;
  Quantity quantity;
  int max_pair_gap_days = 90;
  int pair_tolerance_days = 0;
  FusionModel* model = nullptr;             ///< to be prepared, where it wants statistics
  FusionModel const* gap_filler = nullptr;  ///< fills pixels the method leaves empty; null: they stay no data
  BlockCache* fine = nullptr;
  BlockCache* coarse = nullptr;
  LabelMap const* classes = nullptr;  ///< the job's class map; null: none
  LabelMap const* objects = nullptr;
  bool uncertainty = true;
  std::vector<double> uncertainty_scale = {};  ///< per band, of what the model tells (PairResiduals); empty: 1
};

/// The observations one slab needs, as indices into the sensors' date lists. A function of dates alone.
struct SlabScenes {
  std::vector<int> fine, coarse;
};
SlabScenes scenes_of_slab(FusionTask const& task, Slab const& slab);

/// The pairs of the whole run that some target date may use.
std::vector<Pair> usable_pairs(FusionTask const& task);

/// The padded rectangle of a tile core: grown by the method's halo, clipped to the grid.
Rect padded_tile(FusionTask const& task, Rect const& core_px);

/// Sizes of one unit, for memory planning.
TileShape unit_shape(FusionTask const& task, Rect const& core_px, Slab const& slab);

/// Bytes one unit needs while in flight: input, the method's working memory, output.
std::uint64_t unit_bytes(FusionTask const& task, Rect const& core_px, Slab const& slab, int threads);

/// Reads, fuses and completes one unit: observed pixels are kept as observed, holes are gap-filled, everything is flagged.
/// Thread-safe for different units. @throws Error
CubeUnit fuse_unit(FusionTask const& task, Rect const& core_px, Slab const& slab, Timings& timings);

/// First pass over one tile: adds its part to `statistics`, call by call (observed_scenes). What is observed is the tile with
/// its corners moved down to multiples of the ratio, so that every coarse cell belongs to one tile. Thread-safe for different
/// `statistics`.
void observe_tile(FirstPass const& pass, FusionTask const& task, Rect const& core_px, Statistics& statistics);

}  // namespace stfcube
