#include "stfcube/models/classical/rounded_rows.hpp"

#include <algorithm>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// Up to this ratio the numerators, at most 4 ratio^2 2^15, have 31 bits.
constexpr int most_ratio = 127;

int floor_div(int a, int b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

bool has_gap(Dn const* cells, int count) {
  return std::find(cells, cells + count, no_data_dn) != cells + count;
}

}  // namespace

RoundedRows::RoundedRows(CellFrame const& frame, Rect const& px, Kernel kernel)
    : frame_(frame), px_(px), kernel_(frame.ratio == 1 ? Kernel::nearest : kernel) {
  int const ratio = frame.ratio;
  auto const held = [&](int column) {
    int const inside = std::clamp(column, frame.scene.x, frame.scene.right() - 1);
    ensure(inside >= frame.held.x && inside < frame.held.right(),
           "the coarse cells at hand reach as far as the kernel");
    return inside - frame.held.x;
  };
  for (int x = px.x; x < px.right();) {
    int const doubled = kernel_ == Kernel::nearest ? 2 * x : 2 * x + 1 - ratio;
    int const cell = floor_div(doubled, 2 * ratio), weight = doubled - 2 * ratio * cell;
    int const last = std::min(px.right(), x + (2 * ratio - weight + 1) / 2);
    // Without weight at any column the right cell may lie beyond what the frame holds.
    bool const single = kernel_ == Kernel::nearest || (weight == 0 && last == x + 1);
    stretches_.push_back({x - px.x, last - px.x, held(cell), held(single ? cell : cell + 1), weight});
    x = last;
  }
  if (kernel_ == Kernel::bilinear) {
    upper_.resize(static_cast<std::size_t>(px.width));
    lower_.resize(static_cast<std::size_t>(px.width));
  }
}

bool RoundedRows::complete(CellFrame const& frame, Dn const* plane) {
  return !has_gap(plane, static_cast<int>(frame.held.area()));
}

void RoundedRows::row(Dn const* plane, int y, Dn* to) {
  if (kernel_ == Kernel::nearest) return nearest(plane, y, to);
  if (frame_.ratio <= most_ratio && bilinear(plane, y, to)) return;
  for (int x = px_.x; x < px_.right(); ++x) *to++ = bilinear_cells(frame_, x, y).over(plane).rounded();
}

void RoundedRows::nearest(Dn const* plane, int y, Dn* to) const {
  int const row = floor_div(y, frame_.ratio);
  ensure(row >= frame_.held.y && row < frame_.held.bottom(), "a method looks at cells within its support");
  Dn const* const cells = plane + static_cast<std::ptrdiff_t>(row - frame_.held.y) * frame_.held.width;
  for (Stretch const& s : stretches_) std::fill(to + s.first, to + s.last, cells[s.left]);
}

void RoundedRows::along(Dn const* cells, std::int32_t* to) const {
  for (Stretch const& s : stretches_) {
    int const left = cells[s.left], step = cells[s.right] - left;
    int const start = 2 * frame_.ratio * left + (s.weight - 2 * s.first) * step;
    for (int i = s.first; i < s.last; ++i) to[i] = start + 2 * i * step;
  }
}

/// False when a cell of the two rows has no value.
bool RoundedRows::bilinear(Dn const* plane, int y, Dn* to) {
  int const ratio = frame_.ratio, doubled = 2 * y + 1 - ratio;
  int const cell = floor_div(doubled, 2 * ratio), weight = doubled - 2 * ratio * cell;
  auto const held = [&](int row) {
    int const inside = std::clamp(row, frame_.scene.y, frame_.scene.bottom() - 1);
    ensure(inside >= frame_.held.y && inside < frame_.held.bottom(),
           "the coarse cells at hand reach as far as the kernel");
    return plane + static_cast<std::ptrdiff_t>(inside - frame_.held.y) * frame_.held.width;
  };
  Dn const *const first = held(cell), *const second = weight > 0 ? held(cell + 1) : first;
  if (has_gap(first, frame_.held.width) || has_gap(second, frame_.held.width)) return false;
  along(first, upper_.data());
  along(second, lower_.data());
  int const rest = 2 * ratio - weight;
  double const all = 4.0 * ratio * ratio;
  for (std::size_t i = 0; i < upper_.size(); ++i) {
    int const numerator = rest * upper_[i] + weight * lower_[i];
    // A quotient that is no exact half is further from one than the division's error.
    double const value = numerator / all;
    to[i] = static_cast<Dn>(static_cast<int>(value + (numerator >= 0 ? 0.5 : -0.5)));
  }
  return true;
}

}  // namespace stfcube
