#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "stfcube/models/classical/coarse_fit.hpp"
#include "stfcube/models/classical/column_cells.hpp"
#include "stfcube/models/classical/fitfc_settings.hpp"
#include "stfcube/models/classical/similar_pixels.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pair_runs.hpp"

namespace stfcube {

/// What all blocks of a tile have in common; lives as long as the call that made it.
struct FitFcTile {
  FusionInput const& input;
  FitFcSettings const& settings;
  Quantity const& range;
  std::vector<double> const& sigma;  ///< [band]
  int max_gap_days = 0;
  std::vector<Pair> pairs = {};         ///< those that some target may use, ascending
  std::vector<int> target_coarse = {};  ///< per target: index into input.coarse.dates, -1 when there is none
};

/// A piece of a tile's core, small enough that the windows around its pixels stay in the processor's caches.
class FitFcBlock {
 public:
  /// Bytes of working memory of one block, at most.
  static std::size_t bytes(FitFcSettings const& settings, int ratio, int bands, int pairs, int targets);

  /// @param core_px  within the core of the tile
  FitFcBlock(FitFcTile const& tile, Rect const& core_px);

  /// Predicts all bands and targets of the block.
  void fuse(FusionOutput& output);

 private:
  /// Which pair each target uses, at pixels of one pattern of valid pairs; -1: none.
  using Plan = std::vector<int>;
  /// Valid cells of the block for one pair and target.
  using Pattern = std::vector<bool>;

  void make_plans();
  void load_fine(Pair const& pair);
  Pattern pattern(int pair, int target) const;
  bool predictable(int pair, int coarse_date, int column, int row) const;
  void fuse_group(int pair, Pattern const& pattern, std::vector<int> const& targets, FusionOutput& output);
  void fit_columns(int pair, std::vector<int> const& targets, int first_band, int bands);
  void fill_images(int first_band, int bands);
  void write_row(int pair, int y, std::vector<int> const& targets, int first_band, int bands,
                 FusionOutput& output);
  CoarseFit fit(int pair, int target, int band, int column, int row) const;
  Dn coarse(int date, int band, int column, int row) const;
  std::size_t cell_of(int x, int y) const;
  bool in_scene(int x, int y) const;

  FitFcTile const& tile_;
  Rect core_px_, raster_px_;  ///< target grid; the raster may reach outside the scene
  int bands_;
  SimilarSearch search_;
  SimilarLists lists_;
  ColumnCells cells_;  ///< residuals
  PairPlanner planner_;
  std::map<std::vector<PairRun> const*, int> plan_numbers_;
  std::vector<Plan> plans_;
  std::vector<int> plan_of_;                 ///< [pixel]
  std::vector<std::vector<Dn>> fine_;        ///< [band]: raster
  std::vector<std::uint8_t> fine_valid_;     ///< raster
  std::vector<std::uint8_t> usable_;         ///< raster: fine pixel and regression there
  std::vector<std::uint8_t> asked_;          ///< [pixel]
  std::vector<double> slope_, offset_;       ///< [cell, column]
  std::vector<std::uint8_t> partial_;        ///< [cell]: cells of the regression's window were missing
  AlignedArray<double> images_;              ///< [raster pixel, column]
  std::vector<SimilarSearch::Means> means_;  ///< [x]
};

}  // namespace stfcube
