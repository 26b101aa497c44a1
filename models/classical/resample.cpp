#include "stfcube/models/classical/resample.hpp"

#include <algorithm>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

int floor_div(int a, int b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// One axis of the bilinear kernel: cell, and the weight of the next cell in units of 1 / (2 ratio).
struct AxisPosition {
  int cell = 0, next_weight = 0;
};

AxisPosition bilinear_position(int x, int ratio) {
  int const doubled = 2 * x + 1 - ratio;  // 2 ratio times the pixel's centre in cells
  int const cell = floor_div(doubled, 2 * ratio);
  return {cell, doubled - 2 * ratio * cell};
}

}  // namespace

CellFrame cell_frame(FusionInput const& input) {
  Rect const outer = align_outward(input.scene_px, input.ratio);
  Rect const scene{outer.x / input.ratio, outer.y / input.ratio, outer.width / input.ratio,
                   outer.height / input.ratio};
  return {input.cells, scene, input.ratio};
}

Dn WeightedSum::rounded() const {
  if (!valid()) return no_data_dn;
  std::int64_t const half = sum >= 0 ? weight : -weight;
  return static_cast<Dn>((2 * sum + half) / (2 * weight));  // integer division cuts towards zero
}

void CellStencil::add(CellFrame const& frame, int column, int row, int weight) {
  int const x = std::clamp(column, frame.scene.x, frame.scene.right() - 1);
  int const y = std::clamp(row, frame.scene.y, frame.scene.bottom() - 1);
  ensure(frame.held.contains({x, y, 1, 1}), "the coarse cells at hand reach as far as the kernel");
  taps_[static_cast<std::size_t>(count_++)] = {(y - frame.held.y) * frame.held.width + (x - frame.held.x),
                                               weight};
  full_weight_ += weight;
}

WeightedSum CellStencil::over(Dn const* plane) const {
  WeightedSum result;
  for (int i = 0; i < count_; ++i) {
    Tap const& tap = taps_[static_cast<std::size_t>(i)];
    Dn const value = plane[tap.offset];
    if (value == no_data_dn) continue;
    result.sum += std::int64_t{tap.weight} * value;
    result.weight += tap.weight;
  }
  return result;
}

CellStencil nearest_cell(CellFrame const& frame, int x, int y) {
  CellStencil stencil;
  stencil.add(frame, floor_div(x, frame.ratio), floor_div(y, frame.ratio), 1);
  return stencil;
}

CellStencil bilinear_cells(CellFrame const& frame, int x, int y) {
  auto const [column, right] = bilinear_position(x, frame.ratio);
  auto const [row, lower] = bilinear_position(y, frame.ratio);
  int const left = 2 * frame.ratio - right;
  int const upper = 2 * frame.ratio - lower;
  CellStencil stencil;
  // A cell without weight is not looked at: it may lie beyond what the frame holds.
  stencil.add(frame, column, row, left * upper);
  if (right > 0) stencil.add(frame, column + 1, row, right * upper);
  if (lower > 0) stencil.add(frame, column, row + 1, left * lower);
  if (right > 0 && lower > 0) stencil.add(frame, column + 1, row + 1, right * lower);
  return stencil;
}

CellStencil cells_around(CellFrame const& frame, int x, int y) {
  Rect const cell{floor_div(x, frame.ratio), floor_div(y, frame.ratio), 1, 1};
  Rect const block = intersect(grow(cell, 1), frame.scene);
  CellStencil stencil;
  for (int row = block.y; row < block.bottom(); ++row) {
    for (int column = block.x; column < block.right(); ++column) stencil.add(frame, column, row, 1);
  }
  return stencil;
}

}  // namespace stfcube
