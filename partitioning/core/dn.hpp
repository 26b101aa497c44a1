#pragma once

#include <cstdint>
#include <string>

namespace stfcube {

/// A digital number: the quantity in steps (1 DN = 1e-4 reflectance by default).
using Dn = std::int16_t;

/// No valid observation. A pixel is valid only when all its bands are (specs: conventions, section 2).
inline constexpr Dn no_data_dn = -32768;

/// Quality flags of one output pixel, as stored in the cube (cube format, section 6).
namespace quality {
using Flags = std::uint8_t;
inline constexpr Flags no_data = 1;
inline constexpr Flags observed = 2;
inline constexpr Flags fused = 4;
inline constexpr Flags gap_filled = 6;
inline constexpr Flags state_mask = 6;
inline constexpr Flags low_confidence = 8;
inline constexpr Flags input_masked = 16;
inline constexpr Flags extrapolated = 32;
inline constexpr Flags clamped = 64;
inline constexpr Flags disturbed = 128;
}  // namespace quality

/// The physical quantity of a cube: names and how its values become DN.
struct Quantity {
  std::string name = "surface_reflectance";  ///< value of `cube.quantity`
  std::string variable = "reflectance";      ///< name of the bulk variable in the cube
  std::string standard_name = "surface_bidirectional_reflectance";
  std::string units = "1";
  double step = 1e-4;    ///< value of one DN
  double offset = 0;     ///< value of DN 0
  Dn lowest = -2000;     ///< valid range, inclusive
  Dn highest = 16000;
};

/// The quantities `cube.quantity` may name. @throws Error(config) for any other name, listing those known.
Quantity quantity_named(std::string const& name);

/// Standard deviation, in DN, that one clear observation of a sensor has, by band name: 20 for visible bands,
/// 50 for near and short-wave infrared and everything else (specs: starfm.md, parameters).
double observation_uncertainty_dn(std::string const& band_name);

}  // namespace stfcube
