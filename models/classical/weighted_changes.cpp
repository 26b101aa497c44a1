#include "stfcube/models/classical/weighted_changes.hpp"

#include <algorithm>
#include <array>

namespace stfcube {
namespace {

/// For a fixed number of values.
template <int values>
void weighted_sums(double const* changes, std::size_t stride, std::int32_t const* places,
                   double const* weights, int count, double* sums, double* squares) {
  std::array<double, values> sum{}, square{};
  for (int i = 0; i < count; ++i) {
    double const* const from = changes + places[i] * static_cast<std::ptrdiff_t>(stride);
    double const weight = weights[i];
    for (std::size_t v = 0; v < values; ++v) {
      double const part = weight * from[v];
      sum[v] += part;
      square[v] += part * from[v];
    }
  }
  std::ranges::copy(sum, sums);
  std::ranges::copy(square, squares);
}

}  // namespace

// In the largest pieces.
void weighted_changes(double const* changes, std::size_t stride, std::int32_t const* places,
                      double const* weights, int count, int values, double* sums, double* squares) {
  int first = 0;
  for (; first + 4 <= values; first += 4)
    weighted_sums<4>(changes + first, stride, places, weights, count, sums + first, squares + first);
  for (; first + 2 <= values; first += 2)
    weighted_sums<2>(changes + first, stride, places, weights, count, sums + first, squares + first);
  for (; first < values; ++first)
    weighted_sums<1>(changes + first, stride, places, weights, count, sums + first, squares + first);
}

}  // namespace stfcube
