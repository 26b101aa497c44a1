#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/classical/starfm_kernel.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/stat_zones.hpp"

namespace stfcube {

/// What all blocks of a tile have in common. Values and references only; lives as long as the call that made
/// it.
struct StarfmTile {
  FusionInput const& input;
  StarfmSettings const& settings;
  Quantity const& range;
  int max_gap_days = 0;
  std::vector<Pair> pairs = {};         ///< those that some target may use, ascending
  std::vector<int> target_coarse = {};  ///< per target: index into input.coarse.dates, -1 when there is none
  std::vector<std::vector<int>> similar_dn = {};   ///< [pair][band]; without zones
  std::vector<std::vector<ZoneField>> sigma = {};  ///< [pair][band], of the fine image; with zones
  std::vector<StarfmTables> tables = {};           ///< [band]
  std::vector<StarfmThresholds> thresholds = {};   ///< [band]
};

/// A piece of a tile's core, small enough that the window around a pixel stays in the processor's caches.
class StarfmBlock {
 public:
  /// Largest core of a block, px.
  static int side(StarfmSettings const& settings, int ratio);
  /// Bytes of working memory of one block, at most.
  static std::size_t bytes(StarfmSettings const& settings, int ratio, int pairs, int targets);

  /// @param core_px within the core of the tile
  StarfmBlock(StarfmTile const& tile, Rect const& core_px);

  /// Predicts all bands and targets of the block.
  void fuse(FusionOutput& output);

 private:
  void find_cells();
  void make_plans();
  void load_band(int band);
  void load_pair(int pair, int band);
  void load_similarity(int pair, int band);
  StarfmSimilarity similarity(int pair, int band, Dn const* fine, AlignedArray<std::int32_t>& limits) const;
  void load_change(int pair, int band);
  void find_images();
  void load_images();
  void write_row(int band, int row, FusionOutput& output) const;
  Dn coarse_at(int date, int band, int cell_x, int cell_y) const;
  Dn coarse_value(int date, int band, int column, int row) const;
  int raster_index(int column, int row) const { return row * raster_cols_ + column; }

  /// Raster arrays of one pair.
  struct PairPlanes {
    std::vector<AlignedArray<Dn>> similar;           ///< of other bands, when similarity is joint
    std::vector<AlignedArray<std::int32_t>> limits;  ///< of the similar bands, with zones
    AlignedArray<Dn> fine;
    AlignedArray<std::uint16_t> difference;
    AlignedArray<double> change, damping;
    AlignedArray<std::uint8_t> complete;
  };

  /// Raster arrays of one pair and target.
  struct ImagePlanes {
    int target, pair;
    bool use_t;
    AlignedArray<Dn> fine = {};
    AlignedArray<std::uint16_t> temporal = {};
    AlignedArray<StarfmSummand> summands = {};
  };

  StarfmTile const& tile_;
  Rect core_px_;    ///< target grid
  Rect raster_px_;  ///< core with the window around it; may reach outside the scene
  int raster_cols_ = 0, raster_rows_ = 0;
  bool per_pixel_ = false;  ///< the "cells" are the raster's pixels
  Rect cells_;              ///< cells of the block: coarse grid, or raster pixels from (0, 0)
  std::vector<int> column_cell_, row_cell_;  ///< of the raster's columns and rows
  AlignedArray<std::int32_t> cell_;
  AlignedArray<double> inverse_distance_;
  AlignedArray<std::uint16_t> group_reach_;
  AlignedArray<Dn> coarse_;  ///< [cell] of the pair being loaded
  CellFrame frame_;
  std::vector<PairPlanes> planes_;
  std::vector<ImagePlanes> images_;
  StarfmPlanner planner_;
  StarfmBlockView view_;
  StarfmScratch scratch_;
  StarfmRow row_;
};

}  // namespace stfcube
