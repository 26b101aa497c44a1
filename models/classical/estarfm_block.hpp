#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "stfcube/models/classical/aligned_array.hpp"
#include "stfcube/models/classical/estarfm_settings.hpp"
#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/classical/rounded_rows.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/models/stat_zones.hpp"

namespace stfcube {

/// What all blocks of a tile have in common. Values and references only; lives as long as the call that made
/// it.
struct EstarfmTile {
  FusionInput const& input;
  EstarfmSettings const& settings;
  Quantity const& range;
  int max_gap_days = 0;
  std::vector<Pair> pairs = {};         ///< those that some target may use, ascending
  std::vector<int> target_coarse = {};  ///< per target: index into input.coarse.dates, -1 when there is none
  StatZones zones{0};
  bool zoned = false;  ///< more than one zone
  /// [pair]: by zone the standard deviation of the fine scene, by band; NaN where a zone has no pixel
  std::vector<std::map<StatZones::Zone, std::vector<double>>> sigma = {};

  /// Differences up to which pixels are similar to pixel (x, y), all bands.
  void similar_limits(int pair, int x, int y, double* limits) const;
};

/// A piece of a tile's core, small enough that the windows around its pixels stay in the processor's caches.
class EstarfmBlock {
 public:
  /// Largest core of a block, px.
  static int side(int targets);
  /// Bytes of working memory of one block, at most.
  static std::size_t bytes(EstarfmSettings const& settings, TileShape const& shape, int pairs);

  /// @param core_px within the core of the tile
  EstarfmBlock(EstarfmTile const& tile, Rect const& core_px);

  /// Predicts all bands and targets of the block.
  void fuse(FusionOutput& output);

  // What the ensembles of the block look at.
  EstarfmTile const& tile() const { return tile_; }
  Rect const& core_px() const { return core_px_; }
  Rect const& raster_px() const { return raster_px_; }  ///< core and windows; may reach outside the scene
  Rect const& inside_px() const { return inside_px_; }  ///< its part inside the scene
  RoundedRows& coarse_rows() { return coarse_rows_; }   ///< of inside_px
  double const* distance() const { return distance_.data(); }  ///< d by code
  PairRun const* run_at(int x, int y, int first, int second) const;

 private:
  using Mask = std::vector<std::uint8_t>;

  bool is_complete(int coarse_date) const;
  Mask coarse_mask(int date);
  void find_valid();
  void find_runs();

  EstarfmTile const& tile_;
  Rect core_px_, raster_px_, inside_px_;
  CellFrame frame_;
  RoundedRows coarse_rows_;
  AlignedArray<double> distance_;
  std::vector<Mask> pair_valid_;  ///< raster
  /// Targets whose coarse images have values at the same pixels.
  struct Coverage {
    Mask mask;  ///< raster
    std::vector<int> targets;
  };
  std::vector<Coverage> coverages_;
  PairPlanner planner_;
  std::vector<std::vector<PairRun> const*> runs_;  ///< per core pixel
};

/// Targets of a block that lie between the same two pairs and have coarse images at the same pixels: they
/// share similar pixels, weights and coefficients.
class EstarfmEnsemble {
 public:
  static std::size_t bytes(int cols, int rows, int bands, int targets, int window);

  /// @param pairs  earlier and later, indices into the tile's pairs
  /// @param targets  ascending
  /// @param valid  raster: both images of both pairs and the targets' coarse images have values
  EstarfmEnsemble(EstarfmBlock& block, std::array<int, 2> pairs, std::vector<int> targets,
                  std::vector<std::uint8_t> valid);

  void fuse(FusionOutput& output);

 private:
  /// A pixel of the core and the ensemble's targets first <= i < last that it uses the pairs for.
  struct Place {
    int x = 0, y = 0, first = 0, last = 0;
    std::size_t window = 0, centre = 0;  ///< raster indices of the window's first pixel and of the centre
  };

  void load_row(int row);
  void load_pair(int k, int row);
  void load_targets(int row);
  void add_row(int row, int sign);
  void add_column(int column, int sign);
  void fuse_row(int y, FusionOutput& output);
  Place place_at(int x, int y) const;

  void predict(Place const& place, FusionOutput& output);
  std::size_t similar_to(Place const& place);
  std::size_t most_similar(Place const& place, std::size_t count);
  void weigh(Place const& place, std::size_t count);
  void weigh_unbiased(Place const& place, std::size_t count);
  void find_conversion(Place const& place, std::size_t count);
  std::size_t in_own_cell(Place const& place, std::size_t count);
  void sum_coarse(Place const& place, std::size_t count);
  void write(Place const& place, bool enough, std::size_t count, FusionOutput& output);
  double replacement(Place const& place, std::size_t count, int k, int band);

  std::size_t lane(int k, int band) const {
    return static_cast<std::size_t>(k) * static_cast<std::size_t>(bands_) + static_cast<std::size_t>(band);
  }
  std::size_t target_lane(int i, int band) const { return lane(2 + i, band); }
  double fine_at(std::size_t raster, int k, int band) const;

  EstarfmBlock& block_;
  EstarfmTile const& tile_;
  EstarfmSettings const& settings_;
  std::array<int, 2> pairs_;
  std::vector<int> targets_;
  std::vector<std::uint8_t> valid_;  ///< raster
  int bands_, cols_, rows_;
  int fine_stride_, stride_;  ///< values of a record: of both pairs; of both pairs and all targets
  std::size_t pair_lanes_;    ///< 2 bands
  std::vector<AlignedArray<Dn>> fine_planes_;  ///< [k, band] raster, no_data_dn where not valid
  AlignedArray<Dn> fine_, coarse_;   ///< records [k, band] and [k or target, band], 0 where not valid
  AlignedArray<Dn> coarse_planes_;   ///< [k, band], one row
  AlignedArray<double> unlikeness_;  ///< raster: 1 - R
  AlignedArray<std::int32_t> column_sums_, window_sums_;  ///< of records
  std::vector<int> column_counts_;
  int window_count_ = 0;
  AlignedArray<std::uint16_t> codes_, cell_codes_;
  AlignedArray<double> weights_;
  std::vector<double> limits_, conversion_, shift_, replacement_;
  AlignedArray<double> sums_, moments_, totals_;
  double weight_sum_ = 0;
  bool replaced_ = false;  ///< replacement_ is of this pixel
};

/// True when the slope of a regression over 2 `candidates` points is significant: p <= 0.05 in the F test
/// (spec, step 6). @param r_squared  squared correlation
bool estarfm_significant(double r_squared, int candidates);

}  // namespace stfcube
