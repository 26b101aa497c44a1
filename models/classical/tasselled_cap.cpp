#include "stfcube/models/classical/tasselled_cap.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using Coefficients = std::array<std::array<double, 6>, 3>;  // blue, green, red, nir, swir1, swir2

constexpr Coefficients landsat = {{{.3037, .2793, .4743, .5585, .5082, .1863},
                                   {-.2848, -.2435, -.5436, .7243, .0840, -.1800},
                                   {.1509, .1973, .3279, .3406, -.7112, -.4572}}};
constexpr Coefficients modis = {{{.3354, .3834, .3956, .4718, .3434, .2964},
                                 {-.2129, -.2222, -.3399, .5952, -.1037, -.4600},
                                 {.5065, .4040, .10839, .0912, -.4658, -.5306}}};

constexpr std::size_t red = 2, nir = 3;

TasselledCap tasselled_cap(Coefficients const& coefficients, std::array<Dn, 6> const& dn) {
  TasselledCap result;
  for (std::size_t c = 0; c < coefficients.size(); ++c) {
    double sum = 0;
    for (std::size_t b = 0; b < dn.size(); ++b) sum += coefficients[c][b] * dn[b];
    result.value[c] = static_cast<std::int32_t>(std::llround(tasselled_cap_steps * sum));
  }
  double const both = static_cast<double>(dn[nir]) + dn[red];
  double const index = both > 0 ? std::clamp((static_cast<double>(dn[nir]) - dn[red]) / both, -1.0, 1.0) : 0;
  result.value[TasselledCap::vegetation] =
      static_cast<std::int32_t>(std::llround(tasselled_cap_steps * 10000 * index));
  return result;
}

}  // namespace

SixBands::SixBands(std::string const& method, std::vector<std::string> const& bands) {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < names().size(); ++i) {
    auto const found = std::ranges::find(bands, names()[i]);
    if (found == bands.end()) missing.push_back(names()[i]);
    index_[i] = static_cast<int>(std::distance(bands.begin(), found));
  }
  require(
      missing.empty(), ErrorKind::config,
      fmt::format("model.name = {} needs the bands {} for the tasselled cap; the cube has no {}. Add them "
                  "to the bands of both sensors, or use another method.",
                  method, fmt::join(names(), ", "), fmt::join(missing, ", ")));
}

std::vector<std::string> const& SixBands::names() {
  static std::vector<std::string> const names = {"blue", "green", "red", "nir", "swir1", "swir2"};
  return names;
}

TasselledCap landsat_tasselled_cap(std::array<Dn, 6> const& dn) {
  return tasselled_cap(landsat, dn);
}

TasselledCap modis_tasselled_cap(std::array<Dn, 6> const& dn) {
  return tasselled_cap(modis, dn);
}

}  // namespace stfcube
