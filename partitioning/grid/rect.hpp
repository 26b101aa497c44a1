#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>

namespace stfcube {

/// A half-open rectangle of pixels: x <= column < right(), y <= row < bottom(). A value type.
struct Rect {
  int x = 0, y = 0, width = 0, height = 0;

  auto operator<=>(Rect const&) const = default;
  int right() const { return x + width; }
  int bottom() const { return y + height; }
  bool empty() const { return width <= 0 || height <= 0; }
  std::int64_t area() const { return empty() ? 0 : static_cast<std::int64_t>(width) * height; }
  bool contains(Rect const& o) const {
    return o.x >= x && o.y >= y && o.right() <= right() && o.bottom() <= bottom();
  }
};

inline Rect intersect(Rect const& a, Rect const& b) {
  int const x = std::max(a.x, b.x);
  int const y = std::max(a.y, b.y);
  return {x, y, std::max(0, std::min(a.right(), b.right()) - x), std::max(0, std::min(a.bottom(), b.bottom()) - y)};
}

/// `r` with `margin` more pixels on every side; may reach outside the grid.
inline Rect grow(Rect const& r, int margin) {
  return {r.x - margin, r.y - margin, r.width + 2 * margin, r.height + 2 * margin};
}

/// The smallest rectangle with corners on multiples of `step` that holds `r`. Also right for negative corners.
inline Rect align_outward(Rect const& r, int step) {
  auto const floor_div = [](int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); };
  int const x0 = floor_div(r.x, step) * step;
  int const y0 = floor_div(r.y, step) * step;
  int const x1 = floor_div(r.right() + step - 1, step) * step;
  int const y1 = floor_div(r.bottom() + step - 1, step) * step;
  return {x0, y0, x1 - x0, y1 - y0};
}

}  // namespace stfcube
