#include "stfcube/partitioning/core/dn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

Quantity const known[] = {
    {},
    {.name = "toa_reflectance", .standard_name = "toa_bidirectional_reflectance"},
    {.name = "index", .variable = "index", .standard_name = "", .lowest = -10000, .highest = 10000},
    {.name = "temperature",
     .variable = "temperature",
     .standard_name = "surface_temperature",
     .units = "K",
     .step = 0.01,
     .offset = 273.15,
     .lowest = -15000,
     .highest = 15000},
};

}  // namespace

Quantity quantity_named(std::string const& name) {
  auto const found = std::ranges::find(known, name, &Quantity::name);
  require(found != std::end(known), ErrorKind::config,
          fmt::format("cube.quantity = {} is not known. Use surface_reflectance, toa_reflectance, index or temperature.",
                      name));
  return *found;
}

double observation_uncertainty_dn(std::string const& band_name) {
  constexpr std::array<std::string_view, 5> visible = {"coastal", "blue", "green", "yellow", "red"};
  return std::ranges::find(visible, band_name) != visible.end() ? 20.0 : 50.0;
}

}  // namespace stfcube
