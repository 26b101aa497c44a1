#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// Fit-FC: a local linear regression of coarse images in time moves the fine image, similar pixels smooth the
/// result, and the coarse residual is put back.
///
/// One pair, chosen for every pixel by itself: the nearest valid one. Similar pixels are found once and serve
/// all targets of a call that see the same coarse cells.
/// @source Wang and Atkinson 2018, doi:10.1016/j.rse.2017.10.046; where we differ: docs/methods/fitfc.md
ModelEntry fitfc_entry();

}  // namespace stfcube
