#include "stfcube/models/classical/homogeneity.hpp"

#include <algorithm>
#include <limits>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

// Class by class: whole numbers of pixels in columns of the window, which slide down, and their sums along
// rows.
std::vector<double> homogeneity(LabelMap const& map, Rect const& wanted_px, Rect const& scene_px, int half) {
  std::vector<double> result(static_cast<std::size_t>(wanted_px.area()),
                             std::numeric_limits<double>::quiet_NaN());
  Rect const wide = intersect(grow(wanted_px, half), scene_px);
  ensure(map.px.contains(wide), "a method sees the windows of the homogeneity index");
  auto const label_row = [&](int x, int y) {
    return &map.labels[to_size(y - map.px.y) * to_size(map.px.width) + to_size(x - map.px.x)];
  };
  int const stretches = (wanted_px.height + homogeneity_rows - 1) / homogeneity_rows;
  auto const width = to_size(wide.width);
  parallel_for(0, stretches, [&](int stretch) {
    int const first = wanted_px.y + stretch * homogeneity_rows;
    int const last = std::min(first + homogeneity_rows, wanted_px.bottom());
    std::vector<std::int32_t> column(width), sum(width + 1),
        valid(to_size(last - first) * to_size(wanted_px.width));
    // The first turn counts all valid pixels.
    for (int c = -1; c <= map.highest; ++c) {
      auto const add_row = [&](int y, int times) {
        if (y < wide.y || y >= wide.bottom()) return;
        std::uint8_t const* const row = label_row(wide.x, y);
        for (std::size_t i = 0; i < width; ++i) {
          bool const counts = c < 0 ? row[i] != LabelMap::none : row[i] == c;
          column[i] += counts ? times : 0;
        }
      };
      std::ranges::fill(column, 0);
      for (int y = first - half; y < first + half; ++y) add_row(y, 1);
      for (int y = first; y < last; ++y) {
        add_row(y + half, 1);
        for (std::size_t i = 0; i < width; ++i) sum[i + 1] = sum[i] + column[i];
        std::uint8_t const* const row = label_row(wanted_px.x, y);
        for (int i = 0; i < wanted_px.width; ++i) {
          int const x = wanted_px.x + i;
          if (c >= 0 && row[i] != c) continue;
          int const left = std::max(x - half, wide.x) - wide.x;
          int const right = std::min(x + half + 1, wide.right()) - wide.x;
          std::int32_t const count = sum[to_size(right)] - sum[to_size(left)];
          std::int32_t& all = valid[to_size(y - first) * to_size(wanted_px.width) + to_size(i)];
          if (c < 0) {
            all = count;
          } else {
            result[to_size(y - wanted_px.y) * to_size(wanted_px.width) + to_size(i)] =
                static_cast<double>(count) / all;
          }
        }
        add_row(y - half, -1);
      }
    }
  });
  return result;
}

}  // namespace stfcube
