#pragma once

#include <array>
#include <cstdint>

#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube::testing {

/// Sums of the rounded prediction and unrounded values at (0, 0), (30, 30), (38, 22), (59, 41), all bands.
struct GoldenRow {
  std::array<std::int64_t, 3> sums;
  std::array<std::array<double, 3>, 4> probes;
};
void expect_golden(GoldenResult const& result, GoldenRow const& row);

/// Predicts a tile with a model that is prepared.
GoldenResult fuse_tile(FusionModel const& model, FusionInput const& input);

/// All numbers of `whole` inside `core`, as `tile` should be.
bool is_part_of(GoldenResult const& whole, GoldenResult const& tile, Rect const& core);

/// The poison test (specs: conventions, section 7): what lies beyond the support does not matter, and both
/// halos are needed. `core_px` has to lie so that they can reach their ends.
void expect_support(FusionModel& model, FusionInput const& whole, Rect const& core_px);

}  // namespace stfcube::testing
