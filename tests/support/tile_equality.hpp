#pragma once

#include <algorithm>
#include <cmath>

#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube::testing {

/// Fuses with a model that has its statistics.
inline GoldenResult fuse_prepared(FusionModel const& model, FusionInput const& input) {
  auto const targets = static_cast<int>(input.targets.size());
  int const bands = input.fine.dn.bands(), rows = input.core_px.height, cols = input.core_px.width;
  GoldenResult result{{targets, bands, rows, cols}, {targets, bands, rows, cols}};
  result.exact.fill(std::nan(""));
  result.output.exact = &result.exact;
  model.fuse(input, result.output);
  result.output.exact = nullptr;
  return result;
}

/// All numbers of `whole` (a whole scene) inside `core` are those of `tile`.
inline bool tile_equals(GoldenResult const& whole, GoldenResult const& tile, Rect const& core) {
  auto const same = [](double a, double b) { return std::isnan(a) ? std::isnan(b) : a == b; };
  for (int t = 0; t < tile.exact.dates(); ++t) {
    for (int b = 0; b < tile.exact.bands(); ++b) {
      for (int y = 0; y < core.height; ++y) {
        for (int x = 0; x < core.width; ++x) {
          int const wy = core.y + y, wx = core.x + x;
          if (!same(whole.exact.at(t, b, wy, wx), tile.exact.at(t, b, y, x)) ||
              whole.output.dn.at(t, b, wy, wx) != tile.output.dn.at(t, b, y, x) ||
              whole.output.uncertainty.at(t, b, wy, wx) != tile.output.uncertainty.at(t, b, y, x) ||
              whole.output.quality.at(t, 0, wy, wx) != tile.output.quality.at(t, 0, y, x)) {
            return false;
          }
        }
      }
    }
  }
  return true;
}

}  // namespace stfcube::testing
