#include "stfcube/models/deep/pixel_choices.hpp"

#include <algorithm>
#include <span>

namespace stfcube {

std::vector<PixelChoices::Cells> PixelChoices::cells_of(ImageSource const& images, Rect const& px,
                                                        int date) const {
  Dn const* const plane = images.input().coarse.dn.row(date, 0, 0);
  std::vector<Cells> cells;
  cells.reserve(static_cast<std::size_t>(px.area()));
  for (int y = px.y; y < px.bottom(); ++y) {
    for (int x = px.x; x < px.right(); ++x) {
      CellStencil const stencil = bilinear_cells(images.frame(), x, y);
      auto const weight = stencil.over(plane).weight;
      cells.push_back(weight == 0 ? Cells::none : weight == stencil.full_weight() ? Cells::all : Cells::some);
    }
  }
  return cells;
}

PixelChoices::PixelChoices(ImageSource const& images, Rect const& px, int target, int coarse_of_target,
                           int most_pairs, int max_gap_days)
    : choice_(static_cast<std::size_t>(px.area()), -1) {
  if (coarse_of_target < 0) return;
  FusionInput const& input = images.input();
  auto const& pairs = images.pairs();
  target_cells_ = cells_of(images, px, coarse_of_target);
  for (Pair const& pair : pairs) pair_cells_.push_back(cells_of(images, px, pair.coarse));
  PairPlanner planner(pairs, std::span(&input.targets[static_cast<std::size_t>(target)], 1), most_pairs,
                      max_gap_days);
  std::vector<bool> usable(pairs.size());
  std::size_t pixel = 0;
  for (int y = px.y; y < px.bottom(); ++y) {
    for (int x = px.x; x < px.right(); ++x, ++pixel) {
      if (target_cells_[pixel] == Cells::none) continue;
      for (std::size_t p = 0; p < pairs.size(); ++p) {
        Dn const fine = input.fine.dn.at(pairs[p].fine, 0, y - input.padded_px.y, x - input.padded_px.x);
        usable[p] = fine != no_data_dn && pair_cells_[p][pixel] != Cells::none;
      }
      auto const& planned = planner.runs(usable);
      if (planned.empty()) continue;
      auto const known = std::ranges::find(runs_, planned.front());
      choice_[pixel] = static_cast<std::int32_t>(known - runs_.begin());
      if (known == runs_.end()) runs_.push_back(planned.front());
    }
  }
}

bool PixelChoices::has_masked_cells(std::size_t pixel) const {
  if (target_cells_[pixel] != Cells::all) return true;
  PairRun const* const run = at(pixel);
  for (int i = 0; run != nullptr && i < run->pairs; ++i) {
    if (pair_cells_[static_cast<std::size_t>(run->pair[static_cast<std::size_t>(i)])][pixel] != Cells::all)
      return true;
  }
  return false;
}

}  // namespace stfcube
