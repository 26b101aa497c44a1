#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/models/nn/api/predictor.hpp"
#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// The parts of `core` in the blocks of a lattice of that side, row-major. The lattice begins at pixel (0,
/// 0).
std::vector<Rect> lattice_blocks(Rect const& core, int side);

/// The part `px` of planes over `from`, which has to hold it; any number of planes.
std::vector<float> cut(std::vector<float> const& planes, Rect const& from, Rect const& px);
std::vector<std::uint8_t> cut(std::vector<std::uint8_t> const& planes, Rect const& from, Rect const& px);

/// 1 where a pixel of the mask is 1 at most `reach` columns and rows away.
std::vector<std::uint8_t> grown(std::vector<std::uint8_t> const& mask, int width, int height, int reach);

/// The coarse image of the target date minus that of the pair; minus the mean of both pairs where there are
/// two.
std::vector<float> coarse_change(nn::BlockImages const& images);

}  // namespace stfcube
