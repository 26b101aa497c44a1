#include "stfcube/models/classical/closest_pixels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

}  // namespace

ClosestPixels::ClosestPixels(FusionInput const& input, int index, Rect const& px, int half, int most)
    : input_(input),
      index_(index),
      px_(px),
      half_(half),
      thresholds_(static_cast<std::size_t>(px.area()), std::numeric_limits<double>::quiet_NaN()) {
  ensure(input.padded_px.contains(intersect(grow(px, half), input.scene_px)),
         "a method sees the windows of its pixels");
  for (int dy = -half; dy <= half; ++dy) {
    for (int dx = -half; dx <= half; ++dx) {
      double const d = std::sqrt(static_cast<double>(dx) * dx + static_cast<double>(dy) * dy);
      weights_.push_back(1 / (1 + 2 * d / input.ratio));
    }
  }
  parallel_for(px.y, px.bottom(), [&](int y) {
    std::vector<double> differences;
    double* const to =
        &thresholds_[static_cast<std::size_t>(y - px_.y) * static_cast<std::size_t>(px_.width)];
    Dn const* const row = input_.fine.dn.row(index_, 0, y - input_.padded_px.y) - input_.padded_px.x;
    for (int x = px_.x; x < px_.right(); ++x) {
      if (row[x] == no_data_dn) continue;
      find_differences(x, y, window_of(x, y), differences);
      auto const place = std::min(static_cast<std::size_t>(most), differences.size() - 1);
      std::ranges::nth_element(differences, differences.begin() + static_cast<std::ptrdiff_t>(place));
      to[x - px_.x] = differences[place];
    }
  });
}

std::size_t ClosestPixels::bytes(std::size_t pixels, int half, int threads) {
  auto const window = static_cast<std::size_t>(2 * half + 1) * static_cast<std::size_t>(2 * half + 1);
  return pixels * sizeof(double) + window * sizeof(double) +
         static_cast<std::size_t>(threads) * 2 * window * (3 * sizeof(double) + sizeof(Found::Place));
}

Rect ClosestPixels::window_of(int x, int y) const {
  return intersect(grow({x, y, 1, 1}, half_), input_.scene_px);
}

/// [window rows, columns]; infinite where the pixel is invalid.
void ClosestPixels::find_differences(int x, int y, Rect const& window,
                                     std::vector<double>& differences) const {
  Rect const& held = input_.padded_px;
  differences.assign(static_cast<std::size_t>(window.area()), 0);
  for (int band = 0; band < input_.fine.dn.bands(); ++band) {
    double const centre = input_.fine.dn.at(index_, band, y - held.y, x - held.x);
    double const share = 1 / std::max(centre, 1.0);
    double* to = differences.data();
    for (int row = window.y; row < window.bottom(); ++row, to += window.width) {
      Dn const* const from = input_.fine.dn.row(index_, band, row - held.y) + (window.x - held.x);
      for (int i = 0; i < window.width; ++i)
        to[i] += from[i] == no_data_dn ? infinite : std::abs(from[i] - centre) * share;
    }
  }
}

void ClosestPixels::find(int x, int y, Found& found) const {
  found.places.clear();
  found.weights.clear();
  double const threshold =
      thresholds_[static_cast<std::size_t>(y - px_.y) * static_cast<std::size_t>(px_.width) +
                  static_cast<std::size_t>(x - px_.x)];
  if (std::isnan(threshold)) return;
  Rect const window = window_of(x, y);
  find_differences(x, y, window, found.differences);
  double total = 0;
  auto const width = static_cast<std::size_t>(2 * half_ + 1);
  double const* difference = found.differences.data();
  for (int dy = window.y - y; dy < window.bottom() - y; ++dy) {
    double const* const weights = &weights_[static_cast<std::size_t>(dy + half_) * width];
    for (int dx = window.x - x; dx < window.right() - x; ++dx, ++difference) {
      if (*difference > threshold || std::isinf(*difference)) continue;
      found.places.push_back({dy, dx});
      found.weights.push_back(weights[dx + half_]);
      total += found.weights.back();
    }
  }
  for (double& weight : found.weights) weight /= total;
}

}  // namespace stfcube
