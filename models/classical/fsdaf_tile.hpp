#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "stfcube/models/classical/class_change.hpp"
#include "stfcube/models/classical/fsdaf_settings.hpp"
#include "stfcube/models/classical/most_similar.hpp"
#include "stfcube/models/classical/sfsdaf_fractions.hpp"
#include "stfcube/models/classical/spatial_prediction.hpp"
#include "stfcube/models/pair_runs.hpp"

namespace stfcube {

/// What FSDAF has found out before it predicts. References only.
struct FsdafKnowledge {
  FsdafSettings const& settings;
  Quantity const& range;
  StatZones const& zones;
  FineClasses const& classes;
  ClassChange const& change;
  ClassMemberships const* memberships;  ///< this and the next: null unless settings.variant is sfsdaf
  ClassChange const* endmembers;
  MostSimilarPixels const& similar;
  ThinPlateSpline const* spline;     ///< null unless settings.kernel is tps_local
  std::vector<double> const& sigma;  ///< per band, DN, of one observation of either sensor
  int max_gap_days, tolerance_days;
  /// Standard deviation of a band of a fine scene in a zone.
  std::function<double(Date, int band, StatZones::Zone)> scene_sigma;
};

/// One call of FusionModel::fuse: what depends on a pair is found once for all targets that use it; targets
/// are then predicted in groups small enough for a processor's caches.
/// @source specs: fsdaf.md, steps 4 to 9; Zhu et al. 2016, doi:10.1016/j.rse.2015.11.016
class FsdafTile {
 public:
  FsdafTile(FsdafKnowledge const& knowledge, FusionInput const& input, FusionOutput& output);

  void fuse();

  static std::size_t bytes(FsdafSettings const& settings, TileShape const& shape, int threads);

 private:
  struct TargetGroup;
  struct CellScratch;
  struct PixelScratch;

  void plan();
  void fuse_pair(int pair);
  void find_labels(Pair const& pair);
  void find_used(int pair_index);
  bool uses_pair(std::size_t pixel, int pair_index) const;
  void find_similar(Pair const& pair, int pair_index);
  void find_limits(int x, int y, std::map<StatZones::Zone, std::vector<double>> const& sigma,
                   std::vector<float>& limits) const;
  void fuse_group(int pair_index, std::vector<int> const& targets);
  void change_cell(TargetGroup const& group, int column, int row, CellScratch& scratch);
  void load_classes(TargetGroup const& group, std::size_t member, int band, CellScratch& scratch) const;
  double coarse_change(TargetGroup const& group, std::size_t member, int band, int x, int y) const;
  void predict_row(TargetGroup const& group, int row);
  void load_similar(int x, int y, std::size_t pixel, PixelScratch& scratch) const;
  int enough_similar() const;
  void predict_pixel(TargetGroup const& group, std::size_t member, int row, int col, PixelScratch& scratch);
  bool cell_valid(int coarse, int x, int y) const;
  PairRun const* run_of(int target, std::size_t pixel) const;
  std::size_t region_index(int x, int y) const {
    return static_cast<std::size_t>(y - region_px_.y) * static_cast<std::size_t>(region_px_.width) +
           static_cast<std::size_t>(x - region_px_.x);
  }
  std::size_t padded_index(int x, int y) const {
    return static_cast<std::size_t>(y - input_.padded_px.y) *
               static_cast<std::size_t>(input_.padded_px.width) +
           static_cast<std::size_t>(x - input_.padded_px.x);
  }

  FsdafKnowledge const& know_;
  FusionInput const& input_;
  FusionOutput& output_;
  int bands_;
  CellFrame frame_;
  Rect cells_;      ///< coarse cells that windows of the core touch
  Rect region_px_;  ///< their pixels
  std::vector<Pair> pairs_;
  std::vector<int> target_coarse_;
  PairPlanner planner_;
  std::vector<std::vector<PairRun> const*> runs_;  ///< per core pixel

  // Of the pair at hand.
  int classes_ = 0;                          ///< valid pixels without a class have this number
  std::vector<std::uint8_t> labels_;         ///< [padded_px]
  std::vector<double> homogeneity_;          ///< [region]
  std::optional<SubPixelChange> sub_pixel_;  ///< of sfsdaf
  std::vector<std::int32_t> places_;         ///< [core, most]: similar pixels, offsets inside the region
  std::vector<double> weights_;              ///< [core, most]
  std::vector<std::int16_t> found_;          ///< [core]: how many; 0 where the pair is not used
  std::vector<double> changes_;  ///< [region, value]: dF of the group of targets; NaN where unknown
};

}  // namespace stfcube
