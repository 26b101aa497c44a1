#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// EFAST, Efficient Fusion Algorithm across Spatio-Temporal scales (Senty et al. 2024): the fine images
/// around the target, each with the coarse change since its day, weighted by time and by distance to clouds.
/// @source specs: efast.md; docs/methods/efast.md
ModelEntry efast_entry();

}  // namespace stfcube
