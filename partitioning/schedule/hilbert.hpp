#pragma once

#include <cstdint>

namespace stfcube {

/// Position of cell (x, y) along the Hilbert curve that fills a square of 2^order x 2^order cells.
/// Cells that are near on the curve are near in space. Pure; 0 <= x, y < 2^order, order <= 31.
std::uint64_t hilbert_index(int order, std::uint32_t x, std::uint32_t y);

}  // namespace stfcube
