#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "stfcube/models/classical/column_cells.hpp"
#include "stfcube/models/classical/similar_pixels.hpp"
#include "stfcube/models/classical/vipstf_tile.hpp"
#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

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

  void fuse_target(int target, FusionOutput& output);
  void find_sets(Target const& target);
  void make_virtual_image(Target const& target);
  void search();
  double unmixed(Target const& target, CandidateSet set, int x, int y, int band) const;
  void spread_residual(int first_band, int bands);
  void write_row(Target const& target, int number, int y, int first_band, int bands, FusionOutput& output);
  quality::Flags flags_of(Target const& target, CandidateSet set) const;

  VipstfTile const& tile_;
  Rect core_px_, raster_px_, inside_px_;  ///< target grid; `inside` is the raster's part in the scene
  int bands_;
  SimilarSearch search_;
  SimilarLists lists_;
  ColumnCells cells_;                    ///< residuals
  std::vector<std::uint8_t> cell_sets_;  ///< [cell]: candidates valid there; none where the target is not
  std::vector<std::uint8_t> sets_;       ///< raster: candidates used; 0: none can be
  std::map<CandidateSet, CombinationField> fields_;
  std::vector<std::vector<double>> virtual_;  ///< [band]: raster
  std::vector<std::uint8_t> usable_, asked_;  ///< raster, block
  AlignedArray<double> images_;               ///< [raster pixel, column]
  std::vector<double> residual_row_;          ///< [x, column]
  std::vector<SimilarSearch::Means> means_;   ///< [x]
};

}  // namespace stfcube
