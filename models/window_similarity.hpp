#pragma once

#include <cstdint>
#include <span>

#include "stfcube/models/accuracy.hpp"

namespace stfcube {

/// One band of a PairedTile.
struct PairedPlane {
  int width = 0, height = 0, core_width = 0, core_height = 0;
  std::span<std::uint8_t const> valid;
  std::span<Nano const> reference, prediction;
};

/// A sum over windows. A window counts when it lies inside the plane, all its pixels are valid, and its upper
/// left pixel is in the core. Each window's value is rounded to 2^-52, so that the sum has no order.
struct WindowSum {
  ExactSum total = 0, windows = 0;
};
inline constexpr double window_steps_per_one = 4503599627370496.0;  // 2^52

/// Structural similarity: Gaussian window 11 x 11, sigma 1.5, population covariance, K1 = 0.01, K2 = 0.03.
/// @source Wang et al. 2004, doi:10.1109/TIP.2003.819861; specs: metrics.md, section 1
WindowSum ssim_windows(PairedPlane const& plane, double data_range);

/// Universal image quality index: uniform windows 8 x 8. The luminance term is 1 where both means are 0, the
/// structure term 1 where both variances are.
/// @source Wang and Bovik 2002, doi:10.1109/97.995823
WindowSum uiqi_windows(PairedPlane const& plane);

}  // namespace stfcube
