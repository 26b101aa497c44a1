#pragma once

#include <cstddef>
#include <cstdint>

namespace stfcube {

/// Weighted sums over places of some values that stand side by side, and of their squares.
/// @param changes  the values at place 0; those of place p stand `stride` times p further on
/// @param count    places, in whose order is summed
/// @param values   how many
/// @param sums, squares  to be written, [values]
void weighted_changes(double const* changes, std::size_t stride, std::int32_t const* places,
                      double const* weights, int count, int values, double* sums, double* squares);

}  // namespace stfcube
