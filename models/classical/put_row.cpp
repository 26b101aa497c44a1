#include "stfcube/models/classical/put_row.hpp"

#include <algorithm>

namespace stfcube {
namespace {

/// Half away from zero. @param value  within the range of int
inline int rounded(double value) {
  int const whole = static_cast<int>(value);  // towards zero
  double const rest = value - whole;          // exact
  return whole + (rest >= 0.5 ? 1 : 0) - (rest <= -0.5 ? 1 : 0);
}

inline double within(double value, double lowest, double highest) {
  return value < lowest ? lowest : value > highest ? highest : value;
}

}  // namespace

void put_row(FusionOutput& output, Quantity const& range, RowPlace const& place,
             std::span<double const> values, std::span<double const> sigmas, quality::Flags* flags) {
  constexpr double far = 1e6;  // beyond every range, within an int
  Dn* const dn = output.dn.row(place.target, place.band, place.y) + place.x;
  Dn* const uncertainty = output.uncertainty.row(place.target, place.band, place.y) + place.x;
  double const lowest = range.lowest, highest = range.highest;
  for (std::size_t i = 0; i < values.size(); ++i) {
    double const value = values[i], sigma = sigmas[i];
    bool const finite = value - value == 0;
    int const free = rounded(within(finite ? value : 0, -far, far));
    int const kept = rounded(within(finite ? value : 0, lowest, highest));
    int const spread = rounded(sigma - sigma == 0 ? within(sigma, 0, 32767) : 32767);
    dn[i] = static_cast<Dn>(finite ? kept : no_data_dn);
    uncertainty[i] = static_cast<Dn>(finite ? spread : no_data_dn);
    flags[i] = static_cast<quality::Flags>(flags[i] | (finite && free != kept ? quality::clamped : 0));
  }
  if (output.exact) std::ranges::copy(values, output.exact->row(place.target, place.band, place.y) + place.x);
}

}  // namespace stfcube
