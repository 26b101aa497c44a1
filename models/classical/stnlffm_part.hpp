#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "stfcube/models/classical/aligned_array.hpp"
#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/model_options.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The options of STNLFFM, checked (specs: stnlffm.md, parameters). 1 of a reflectance is 10000 DN.
struct StnlffmSettings {
  explicit StnlffmSettings(ModelSettings const& settings);

  enum class Coarse { nearest, bilinear, bicubic };

  int half() const { return window / 2; }
  /// Fine pixels around a pixel on which its value depends.
  int reach() const { return half() + std::max(half(), patch); }

  int window = 51;          ///< full width in px
  double similar_dn = 100;  ///< d: similar means |F - F0| <= d 2^F0, F0 as a reflectance
  int change_dn = 50;       ///< sigma_CC
  double bandwidth = 0.15;  ///< g, reflectance
  int patch = 0;            ///< radius in px
  double gamma = 1;         ///< how much slopes are held at 1
  Coarse coarse = Coarse::bicubic;
  int pairs = 2;
  std::vector<double> sigma;  ///< of one observation, DN, by band
};

std::vector<OptionSpec> const& stnlffm_options();

/// What all parts of a tile have in common. Values and references only; lives as long as the call that made
/// it.
struct StnlffmTile {
  FusionInput const& input;
  StnlffmSettings const& settings;
  Quantity const& range;
  std::vector<double> const& weights;        ///< by coarse difference in DN
  std::vector<double> const& patch_weights;  ///< row-major
  int max_gap_days = 0;
  std::vector<Pair> pairs = {};         ///< those that some target may use, ascending
  std::vector<int> target_coarse = {};  ///< per target: index into input.coarse.dates, -1 when there is none
};

/// A part of a tile's core: its size bounds the memory that the rasters take. Uses the threads of the
/// surrounding arena.
class StnlffmPart {
 public:
  /// Largest core of a part, px.
  static int side(StnlffmSettings const& settings);
  static std::size_t bytes(StnlffmSettings const& settings, TileShape const& shape, int threads);

  StnlffmPart(StnlffmTile const& tile, Rect const& core_px);

  /// Predicts all bands and targets of the part.
  void fuse(FusionOutput& output);

 private:
  struct Scratch;
  /// Sums over the pairs of one pixel and band.
  struct Sums {
    double weight = 0, estimate = 0, fine = 0, squares = 0;
  };

  void find_runs();
  bool uses(int target, int pair, std::size_t pixel) const;
  void load(Pair const& pair, int target_coarse);
  void load_coarse(int date, int band, AlignedArray<Dn>& plane);
  void load_row(Pair const& pair, int row);
  void fit_row(int row);
  void fit(std::size_t at, Scratch& scratch);
  void blend_row(int target, int pair, int row);
  void blend(std::size_t at, std::size_t pixel, std::span<std::int64_t const> change, Scratch& scratch);
  std::size_t similar_to(std::size_t at, Scratch& scratch) const;
  void weigh(std::size_t at, std::size_t count, Scratch& scratch) const;
  double patch_difference(std::size_t of, std::size_t centre, int band) const;
  void write_row(int target, int row, FusionOutput& output) const;

  std::size_t raster_at(int row, int col) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(cols_) + static_cast<std::size_t>(col);
  }

  StnlffmTile const& tile_;
  StnlffmSettings const& settings_;
  Rect core_px_, raster_px_, inside_px_;  ///< inside: the raster's part in the scene
  int bands_, cols_, rows_, stride_;      ///< stride: values in a record
  CellFrame frame_;
  PairPlanner planner_;
  std::vector<std::vector<PairRun> const*> runs_;  ///< per core pixel
  // Of one pair and target, rasters:
  std::vector<AlignedArray<Dn>> fine_;          ///< [band], no_data_dn where not valid
  std::vector<AlignedArray<Dn>> change_;        ///< [band] |C_p - C_k| - 32767, no_data_dn where not valid
  std::vector<AlignedArray<Dn>> before_, now_;  ///< [band] C_k and C_p, no_data_dn where missing
  AlignedArray<Dn> fine_records_, before_records_, now_records_;  ///< 0 where not valid
  AlignedArray<double> estimates_;                                ///< records: a F + e
  std::vector<Sums> sums_;                                        ///< [core pixel, band] of one target
};

}  // namespace stfcube
