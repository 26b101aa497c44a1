#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/models/deep/network_images.hpp"
#include "stfcube/models/pair_runs.hpp"

namespace stfcube {

/// Which pairs every pixel of a rectangle starts from, by what is valid there: a function of the inputs at
/// the pixel.
class PixelChoices {
 public:
  /// @param most_pairs  1 or 2, see PairPlanner
  PixelChoices(ImageSource const& images, Rect const& px, int target, int coarse_of_target, int most_pairs,
               int max_gap_days);

  /// The choice of a pixel, row-major; null where no pair, or not the target's coarse image, is valid.
  PairRun const* at(std::size_t pixel) const {
    return choice_[pixel] < 0 ? nullptr : &runs_[static_cast<std::size_t>(choice_[pixel])];
  }
  /// Every choice that some pixel made, in the order of the first pixel.
  std::vector<PairRun> const& runs() const { return runs_; }
  /// Whether a cell that the pixel's coarse values are made of, at the target or at a pair, had no value.
  bool has_masked_cells(std::size_t pixel) const;

 private:
  enum class Cells : std::uint8_t { none, some, all };
  std::vector<Cells> cells_of(ImageSource const& images, Rect const& px, int date) const;

  std::vector<PairRun> runs_;
  std::vector<std::int32_t> choice_;
  std::vector<Cells> target_cells_;
  std::vector<std::vector<Cells>> pair_cells_;
};

}  // namespace stfcube
