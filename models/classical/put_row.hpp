#pragma once

#include <span>

#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// Where a row of predictions goes: pixels (x, y), (x + 1, y), ... of the core.
struct RowPlace {
  int target = 0, band = 0, y = 0, x = 0;
};

/// put() for a row of pixels, made for vector code; equal to it value by value. Not a number stays no data.
/// @param values, sigmas  DN; equally many
/// @param flags  gets quality::clamped added where put() returns it
void put_row(FusionOutput& output, Quantity const& range, RowPlace const& place,
             std::span<double const> values, std::span<double const> sigmas, quality::Flags* flags);

}  // namespace stfcube
