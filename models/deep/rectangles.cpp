#include "stfcube/models/deep/rectangles.hpp"

#include <algorithm>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

template <class T>
std::vector<T> cut_planes(std::vector<T> const& planes, Rect const& from, Rect const& px) {
  ensure(from.contains(px), "a part of planes lies inside them");
  auto const size = static_cast<std::size_t>(from.area());
  std::vector<T> part;
  part.reserve(planes.size() / size * static_cast<std::size_t>(px.area()));
  for (std::size_t plane = 0; plane < planes.size(); plane += size) {
    for (int y = px.y; y < px.bottom(); ++y) {
      auto const row =
          planes.begin() + static_cast<std::ptrdiff_t>(plane + to_size(y - from.y) * to_size(from.width) +
                                                       to_size(px.x - from.x));
      part.insert(part.end(), row, row + px.width);
    }
  }
  return part;
}

/// The largest of the neighbours along one axis. @param lines  their number, @param line_step  distance of
/// lines
std::vector<std::uint8_t> grown_along(std::vector<std::uint8_t> const& mask, int count, std::size_t step,
                                      int lines, std::size_t line_step, int reach) {
  std::vector<std::uint8_t> wide(mask.size());
  for (int line = 0; line < lines; ++line) {
    std::size_t const start = to_size(line) * line_step;
    int last = -1 - reach;  // the last 1 met; then from the other end
    for (int i = 0; i < count; ++i) {
      if (mask[start + to_size(i) * step] != 0) last = i;
      if (i - last <= reach) wide[start + to_size(i) * step] = 1;
    }
    last = count + reach;
    for (int i = count - 1; i >= 0; --i) {
      if (mask[start + to_size(i) * step] != 0) last = i;
      if (last - i <= reach) wide[start + to_size(i) * step] = 1;
    }
  }
  return wide;
}

}  // namespace

std::vector<Rect> lattice_blocks(Rect const& core, int side) {
  std::vector<Rect> blocks;
  Rect const all = align_outward(core, side);
  for (int y = all.y; y < all.bottom(); y += side) {
    for (int x = all.x; x < all.right(); x += side) blocks.push_back(intersect({x, y, side, side}, core));
  }
  return blocks;
}

std::vector<float> cut(std::vector<float> const& planes, Rect const& from, Rect const& px) {
  return cut_planes(planes, from, px);
}

std::vector<std::uint8_t> cut(std::vector<std::uint8_t> const& planes, Rect const& from, Rect const& px) {
  return cut_planes(planes, from, px);
}

std::vector<std::uint8_t> grown(std::vector<std::uint8_t> const& mask, int width, int height, int reach) {
  auto const across = grown_along(mask, width, 1, height, to_size(width), reach);
  return grown_along(across, height, to_size(width), width, 1, reach);
}

std::vector<float> coarse_change(nn::BlockImages const& images) {
  std::vector<float> change(images.coarse_target.size());
  bool const two = !images.coarse_after.empty();
  for (std::size_t i = 0; i < change.size(); ++i) {
    float const earlier =
        two ? (images.coarse_before[i] + images.coarse_after[i]) / 2 : images.coarse_before[i];
    change[i] = images.coarse_target[i] - earlier;
  }
  return change;
}

}  // namespace stfcube
