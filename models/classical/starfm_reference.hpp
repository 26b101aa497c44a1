#pragma once

#include "stfcube/models/classical/starfm_kernel.hpp"

namespace stfcube {

/// Predicts a row by the rules of the reference program (specs: starfm.md, profile usda), in its single
/// precision: exact ties between two DN are frequent, and which way they fall is decided by rounding errors.
/// Plain code: the profile is for comparisons.
void starfm_reference_row(StarfmBlockView const& block, int row, StarfmRow& result);

}  // namespace stfcube
