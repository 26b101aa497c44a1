#include "stfcube/models/classical/pair_pixels.hpp"

namespace stfcube {

PairPixels::PairPixels(FusionInput const& input, PairChoice const& choice)
    : input_(input),
      choice_(choice),
      frame_(cell_frame(input)),
      pairs_(pairs_in_reach(input, choice.tolerance_days, choice.max_gap_days)),
      target_coarse_(coarse_of_targets(input)) {}

PairPixels::Row::Row(PairPixels const& pixels, int row)
    : pixels_(pixels),
      x_(pixels.input_.core_px.x - pixels.input_.padded_px.x),
      y_(pixels.input_.core_px.y + row - pixels.input_.padded_px.y),
      usable_(pixels.pairs_.size()),
      planner_(pixels.pairs_, pixels.input_.targets, pixels.choice_.most_pairs, pixels.choice_.max_gap_days) {
  Rect const& core = pixels.input_.core_px;
  for (int x = core.x; x < core.right(); ++x) {
    stencils_.push_back(pixels.choice_.bilinear ? bilinear_cells(pixels.frame_, x, core.y + row)
                                                : nearest_cell(pixels.frame_, x, core.y + row));
  }
}

std::size_t PairPixels::Row::bytes(TileShape const& shape) {
  auto const count = [](int n) { return static_cast<std::size_t>(n); };
  // The planner's lists: orders of pairs and runs, at most 64 bytes for a target and pair.
  return sizeof(CellStencil) * 2 * count(shape.core_width) +
         64 * count(shape.targets) * (count(shape.fine_dates) + 1);
}

std::vector<PairRun> const& PairPixels::Row::runs(int col) {
  for (std::size_t p = 0; p < usable_.size(); ++p) {
    Pair const& pair = pixels_.pairs_[p];
    usable_[p] = pixels_.input_.fine.dn.row(pair.fine, 0, y_)[x_ + col] != no_data_dn &&
                 coarse(pair.coarse, 0, col).valid();
  }
  return planner_.runs(usable_);
}

double PairPixels::Row::change(int from, int to, int band, int col) const {
  WeightedSum const before = coarse(from, band, col), after = coarse(to, band, col);
  if (before.weight == after.weight) {
    return static_cast<double>(after.sum - before.sum) / static_cast<double>(after.weight);
  }
  return static_cast<double>(after.sum) / static_cast<double>(after.weight) -
         static_cast<double>(before.sum) / static_cast<double>(before.weight);
}

quality::Flags PairPixels::Row::masked(int date, int col) const {
  CellStencil const& stencil = stencils_[static_cast<std::size_t>(col)];
  return coarse(date, 0, col).weight == stencil.full_weight() ? quality::Flags{0} : quality::input_masked;
}

}  // namespace stfcube
