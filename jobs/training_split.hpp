#pragma once

#include <vector>

#include "stfcube/jobs/training_spec.hpp"
#include "stfcube/partitioning/grid/grid.hpp"
#include "stfcube/pipeline/training_patches.hpp"

namespace stfcube {

/// Which parts of a job's archive a training sees, and which it is judged by. Withheld are the validation
/// dates everywhere, and on all dates the withheld regions and a share of the blocks that the scene is cut
/// into: no pixel of a withheld date, region or block is in any training patch, as label or reference.
class TrainingSplit {
 public:
  /// @throws Error(config) when a validation date is not among the pairs, a region lies outside the grid, or
  /// a patch does not fit the grid
  TrainingSplit(TrainingSpec const& spec, Grid const& fine_grid, int ratio, std::vector<Pair> pairs,
                int max_gap_days);

  /// Side of a patch: the spec's, rounded up to whole coarse cells.
  int patch_px() const { return patch_px_; }

  PatchPool training() const;
  /// Dates that training sees too, in withheld places.
  PatchPool withheld_places() const;
  /// Withheld dates, in all places.
  PatchPool withheld_dates() const;

  bool is_withheld(Rect const& px) const;

 private:
  bool in_withheld_block(Rect const& px) const;
  bool wholly_withheld(Rect const& px) const;

  TrainingSpec spec_;
  Grid grid_;
  int ratio_, patch_px_, max_gap_days_, block_px_ = 0, block_columns_ = 0;
  std::vector<Pair> pairs_;
  std::vector<bool> date_withheld_;   ///< by pair
  std::vector<bool> block_withheld_;  ///< row-major
  std::vector<Rect> regions_;
};

}  // namespace stfcube
