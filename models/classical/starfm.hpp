#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// STARFM, the Spatial and Temporal Adaptive Reflectance Fusion Model: every pixel is a weighted mean, over
/// the similar pixels of a window and over the pairs, of "fine value + coarse change".
///
/// Pairs are chosen for every pixel by itself: the nearest valid one before and the nearest valid one after
/// the target. Similar pixels are found once and serve all targets of a call.
/// @source Gao et al. 2006, doi:10.1109/TGRS.2006.872081; where we differ: docs/methods/starfm.md
ModelEntry starfm_entry();

}  // namespace stfcube
