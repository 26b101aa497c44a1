#pragma once

#include <vector>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pair_runs.hpp"

namespace stfcube {

/// Which pairs a method of one pixel looks at, and how coarse cells become fine pixels.
struct PairChoice {
  int most_pairs = 1;  ///< 1 or 2, see PairPlanner
  int tolerance_days = 0, max_gap_days = 90;
  bool bilinear = true;  ///< otherwise the cell of the pixel
};

/// What methods that look at single pixels see of a tile: pairs, and coarse images at fine pixels. Lives as
/// long as the input. Thread-safe.
class PairPixels {
 public:
  PairPixels(FusionInput const& input, PairChoice const& choice);

  std::vector<Pair> const& pairs() const { return pairs_; }
  /// Coarse observation of each target, -1 where there is none.
  std::vector<int> const& target_coarse() const { return target_coarse_; }

  /// One row of the core. Not thread-safe.
  class Row;

 private:
  FusionInput const& input_;
  PairChoice choice_;
  CellFrame frame_;
  std::vector<Pair> pairs_;
  std::vector<int> target_coarse_;
};

class PairPixels::Row {
 public:
  /// @param row  of the core
  Row(PairPixels const& pixels, int row);
  /// Bytes of one, at most.
  static std::size_t bytes(TileShape const& shape);

  /// Pairs by target at a pixel; a pair is usable where both its images are.
  std::vector<PairRun> const& runs(int col);

  /// The fine image of a pair.
  double fine(Pair const& pair, int band, int col) const {
    return pixels_.input_.fine.dn.row(pair.fine, band, y_)[x_ + col];
  }
  /// A coarse image at a pixel: an exact sum of cells and its weight.
  WeightedSum coarse(int date, int band, int col) const {
    return stencils_[static_cast<std::size_t>(col)].over(pixels_.input_.coarse.dn.row(date, band, 0));
  }
  /// The coarse change in DN between two dates that are both valid at the pixel.
  double change(int from, int to, int band, int col) const;
  /// quality::input_masked when a cell that the kernel looks at has no value.
  quality::Flags masked(int date, int col) const;

 private:
  PairPixels const& pixels_;
  int x_, y_;  ///< first pixel of the row in the fine planes
  std::vector<CellStencil> stencils_;
  std::vector<bool> usable_;
  PairPlanner planner_;
};

}  // namespace stfcube
