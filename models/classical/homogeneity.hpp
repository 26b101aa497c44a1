#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// Rows that are worked on at once, each of them over the width of the windows and a few more.
inline constexpr int homogeneity_rows = 16;

/// A map of classes over a rectangle of a scene.
struct LabelMap {
  static constexpr std::uint8_t none = 255;  ///< the label of an invalid pixel

  std::span<std::uint8_t const> labels;  ///< [px]
  Rect px;
  int highest;  ///< the largest label but `none`
};

/// The share of valid pixels of the window around a pixel that have its label, [wanted_px]; NaN at invalid
/// pixels. Windows are clipped at the scene. Works in parallel.
/// @param half  half width of the window, px
/// @source specs: fsdaf.md, step 7
std::vector<double> homogeneity(LabelMap const& map, Rect const& wanted_px, Rect const& scene_px, int half);

}  // namespace stfcube
