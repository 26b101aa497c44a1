#include "stfcube/models/classical/coarse_fit.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace stfcube {

CoarseFit fit_around(FitFcSettings const& settings, Rect const& held, Dn const* before, Dn const* after,
                     int column, int row) {
  int const r = settings.regression;
  Rect const window = intersect(held, {column - r, row - r, 2 * r + 1, 2 * r + 1});
  std::int64_t n = 0, s = 0, t = 0, ss = 0, st = 0;
  for (int y = window.y; y < window.bottom(); ++y) {
    std::ptrdiff_t const first = std::ptrdiff_t{y - held.y} * held.width + (window.x - held.x);
    for (std::ptrdiff_t i = first; i < first + window.width; ++i) {
      if (before[i] == no_data_dn || after[i] == no_data_dn) continue;
      std::int64_t const x = before[i], z = after[i];
      n += 1, s += x, t += z, ss += x * x, st += x * z;
    }
  }
  CoarseFit fit{.count = static_cast<int>(n)};
  if (n == 0) return fit;
  auto const count = static_cast<double>(n);
  double const variance = static_cast<double>(n * ss - s * s) / (count * count);
  double const covariance = static_cast<double>(n * st - s * t) / (count * count);
  if (n >= 3 && variance >= settings.least_variance && variance + settings.ridge > 0)
    fit.slope = (covariance + settings.ridge) / (variance + settings.ridge);
  fit.slope = std::clamp(fit.slope, settings.lowest_slope, settings.highest_slope);
  fit.offset = static_cast<double>(t) / count - fit.slope * (static_cast<double>(s) / count);
  return fit;
}

}  // namespace stfcube
