#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "stfcube/models/classical/column_cells.hpp"
#include "stfcube/models/classical/similar_pixels.hpp"
#include "stfcube/models/classical/virtual_image.hpp"
#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// What all blocks of a tile have in common; lives as long as the call that made it.
struct VipstfTile {
  /// One target of the tile.
  struct Target {
    int coarse = -1;                  ///< of the target, -1: none
    std::vector<Date> dates;          ///< of the candidates, best first
    std::vector<Pair> pairs;          ///< the candidates; fine = -1: not valid anywhere in the tile
    std::map<StatZones::Zone, CoarseRegressions::Sums> sums;
  };

  VipstfTile(FusionInput const& tile_input, VipstfSettings const& model_settings, Quantity const& valid_range,
             std::vector<double> const& sensor_sigma, CoarseRegressions const& model_regressions, int tolerance_days);
  /// Bytes for one target, at most.
  static std::size_t bytes(VipstfSettings const& settings, int bands);

  FusionInput const& input;
  VipstfSettings const& settings;
  Quantity const& range;
  std::vector<double> const& sigma;  ///< [band]
  CoarseRegressions const& regressions;
  bool one_zone = true;  ///< in the scene
  std::vector<Target> targets;
};

/// A piece of a tile's core, small enough that the windows around its pixels stay in the processor's caches.
class VipstfBlock {
 public:
  /// Bytes of working memory of one block, at most.
  static std::size_t bytes(VipstfSettings const& settings, int ratio, int bands);

  /// @param core_px  within the core of the tile
  VipstfBlock(VipstfTile const& tile, Rect const& core_px);

  /// Predicts all bands and targets of the block.
  void fuse(FusionOutput& output);

 private:
  using Target = VipstfTile::Target;
  /// Combinations of one set of candidates: [cell, band], or [band] when they are the same everywhere. No factors: none.
  struct Field {
    bool uniform = true;
    std::vector<ImageCombination> combinations;
  };

  void fuse_target(int target, FusionOutput& output);
  void find_sets(Target const& target);
  Field make_field(Target const& target, Date date, CandidateSet set) const;
  std::vector<ImageCombination> local_combination(Target const& target, Date date, CandidateSet set, int column,
                                                  int row) const;
  std::vector<ImageCombination> zone_combination(
      std::map<StatZones::Zone, std::vector<ImageCombination>> const& of_zones, int column, int row) const;
  ImageCombination const& combination(CandidateSet set, std::size_t cell, int band) const;
  bool has_combination(CandidateSet set, std::size_t cell) const;
  void make_virtual_image(Target const& target);
  void search(Target const& target);
  void spread_residual(Target const& target, int first_band, int bands);
  void write_row(Target const& target, int number, int y, int first_band, int bands, FusionOutput& output);
  quality::Flags flags_of(Target const& target, Date date, CandidateSet set) const;
  Dn coarse(int date, int band, int column, int row) const;
  std::size_t cell_of(int x, int y) const;

  VipstfTile const& tile_;
  Rect core_px_, raster_px_, inside_px_;  ///< target grid; `inside` is the raster's part in the scene
  int bands_;
  SimilarSearch search_;
  SimilarLists lists_;
  ColumnCells cells_;                        ///< residuals
  std::vector<std::uint8_t> cell_sets_;      ///< [cell]: candidates valid there; none where the target is not
  std::vector<std::uint8_t> sets_;           ///< raster: candidates used; 0: none can be
  std::map<CandidateSet, Field> fields_;
  std::vector<std::vector<double>> virtual_; ///< [band]: raster
  std::vector<std::uint8_t> usable_, asked_; ///< raster, block
  AlignedArray<double> images_;              ///< [raster pixel, column]
  std::vector<double> residual_row_;         ///< [x, column]
  std::vector<SimilarSearch::Means> means_;  ///< [x]
};

}  // namespace stfcube
