#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube::gdal {

/// Pixels of all bands of one window, [band, y, x].
template <class T>
struct Planes {
  int width = 0, height = 0, bands = 0;
  std::vector<T> values;

  std::size_t plane_size() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
  T* plane(std::size_t band) { return values.data() + band * plane_size(); }
  T const* plane(std::size_t band) const { return values.data() + band * plane_size(); }
};

inline bool is_missing(Dn value) {
  return value == no_data_dn;
}
inline bool is_missing(double value) {
  return std::isnan(value);
}
inline void set_missing(Dn& value) {
  value = no_data_dn;
}
inline void set_missing(double& value) {
  value = std::numeric_limits<double>::quiet_NaN();
}

/// Leaves a pixel only where `usable` is 1 and all bands have a value; elsewhere no band has.
template <class T>
void mask_pixels(Planes<T>& planes, std::vector<std::uint8_t> usable) {
  std::size_t const size = planes.plane_size(), bands = static_cast<std::size_t>(planes.bands);
  for (std::size_t b = 0; b < bands; ++b) {
    T const* const plane = planes.plane(b);
    for (std::size_t i = 0; i < size; ++i) usable[i] &= static_cast<std::uint8_t>(!is_missing(plane[i]));
  }
  for (std::size_t b = 0; b < bands; ++b) {
    T* const plane = planes.plane(b);
    for (std::size_t i = 0; i < size; ++i) {
      T value = plane[i];
      if (usable[i] == 0) set_missing(value);
      plane[i] = value;
    }
  }
}

}  // namespace stfcube::gdal
