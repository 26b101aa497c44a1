#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// STNLFFM, the Spatial and Temporal Non-Local Filter based Fusion Model: every similar pixel has a local
/// line between the coarse images of the pair and of the target; fine values are put through the lines and
/// averaged by how near the coarse values are.
///
/// Pixels are similar where their fine values and their coarse changes are alike.
/// @source Cheng et al. 2017, doi:10.1109/TGRS.2017.2692802; where we differ: docs/methods/stnlffm.md
ModelEntry stnlffm_entry();

}  // namespace stfcube
