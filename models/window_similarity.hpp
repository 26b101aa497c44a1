#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/models/accuracy_sums.hpp"

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

/// Structural similarity: Gaussian window 11 x 11, sigma 1.5, population covariance, K1 = 0.01, K2 = 0.03.
/// @param data_ranges  L, one for each result; nothing is summed for one that is not positive
/// @source Wang et al. 2004, doi:10.1109/TIP.2003.819861; specs: metrics.md, section 1
std::vector<WindowSum> ssim_windows(PairedPlane const& plane, std::span<double const> data_ranges);

/// Universal image quality index: uniform windows 8 x 8. The luminance term is 1 where both means are 0, the
/// structure term 1 where both variances are.
/// @source Wang and Bovik 2002, doi:10.1109/97.995823
WindowSum uiqi_windows(PairedPlane const& plane);

/// Normalised difference (E_p - E_y) / (E_p + E_y) of Roberts edges E = |v(x,y) - v(x+1,y+1)| +
/// |v(x,y+1) - v(x+1,y)|; windows without an edge in either image do not count.
/// @source Zhu et al. 2022, doi:10.1016/j.rse.2022.113002; specs: conventions.md, section 10
WindowSum edge_windows(PairedPlane const& plane);

/// Adds the moments of the Laplacians of both images (8 times the pixel less its neighbours) to `sums`.
/// @source specs: metrics.md, section 1 (spatial correlation)
void add_laplacians(PairedPlane const& plane, BandSums& sums);

}  // namespace stfcube
