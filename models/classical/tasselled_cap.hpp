#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/core/stack.hpp"

namespace stfcube {

/// Where the six bands common to Landsat and MODIS stand in a cube.
class SixBands {
 public:
  /// @param method  for the message
  /// @throws Error(config) that names the bands needed when one is missing
  SixBands(std::string const& method, std::vector<std::string> const& bands);

  static std::vector<std::string> const& names();  ///< blue, green, red, nir, swir1, swir2
  /// Indices into the bands of the cube, in the order of `names`.
  std::array<int, 6> const& index() const { return index_; }

 private:
  std::array<int, 6> index_{};
};

/// Brightness, greenness and wetness in steps of 1/16 DN, and the normalised difference vegetation index in
/// steps of 1/160000: whole numbers, so that sums of them are exact.
struct TasselledCap {
  enum Component : std::size_t { brightness, greenness, wetness, vegetation, components };
  std::array<std::int32_t, components> value{};
};
/// So many steps are one DN (or 1/10000 of the index).
inline constexpr double tasselled_cap_steps = 16;

/// Of reflectance in DN, in the order of SixBands. @source Crist and Cicone 1984 (Landsat TM)
TasselledCap landsat_tasselled_cap(std::array<Dn, 6> const& dn);

/// The same with coefficients of MODIS for the six bands; its band at 1240 nm is left out.
/// @source Zhang et al. 2002
TasselledCap modis_tasselled_cap(std::array<Dn, 6> const& dn);

}  // namespace stfcube
