#pragma once

#include <cstddef>

namespace stfcube {

/// One search, as the vector code reads it. All pointers to values of a band point to the window's centre.
struct MostSimilarWindow {
  int half = 0, most = 0, bands = 0;
  std::size_t pitch = 0;                  ///< of the factors
  std::ptrdiff_t stride = 0;              ///< of the bands
  float const* factor = nullptr;          ///< [row, pitch]
  float const* const* centres = nullptr;  ///< per band
  float const* inverse = nullptr;         ///< per band: 1 / max(F(0), 1)
  float const* limits = nullptr;          ///< per band
};

}  // namespace stfcube
