#include "stfcube/io/sensor.hpp"

#include <fmt/format.h>

#include <map>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

QaScheme qa_scheme_named(std::string const& name, std::string const& key) {
  static std::map<std::string, QaScheme> const known = {{"mask", QaScheme::mask},
                                                        {"landsat_c2", QaScheme::landsat_c2},
                                                        {"hls_fmask", QaScheme::hls_fmask},
                                                        {"s2_scl", QaScheme::s2_scl},
                                                        {"mod09ga_state", QaScheme::mod09ga_state}};
  auto const found = known.find(name);
  require(found != known.end(), ErrorKind::config,
          fmt::format("{} = {} is not known. Use mask, landsat_c2, hls_fmask, s2_scl or mod09ga_state.", key, name));
  return found->second;
}

bool usable(QaScheme scheme, unsigned value) {
  auto const bits = [&](int first, int count) { return (value >> first) & ((1U << count) - 1U); };
  switch (scheme) {
    case QaScheme::none:
      return true;
    case QaScheme::mask:
      return value != 0;
    case QaScheme::landsat_c2:  // fill, dilated cloud, cirrus, cloud, shadow, snow
      return bits(0, 6) == 0;
    case QaScheme::hls_fmask:  // cirrus, cloud, adjacent, shadow, snow; 255 is fill
      return value != 255 && bits(0, 5) == 0;
    case QaScheme::s2_scl:  // vegetation, bare soil, water, unclassified
      return value >= 4 && value <= 7;
    case QaScheme::mod09ga_state: {
      unsigned const cloud = bits(0, 2);
      return (cloud == 0 || cloud == 3) && bits(2, 1) == 0 && bits(8, 2) <= 1 && bits(10, 1) == 0 && bits(13, 1) == 0;
    }
  }
  return false;
}

}  // namespace stfcube
