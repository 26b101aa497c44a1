#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// STAARCH: finds pixels that were disturbed between two fine images, dates the disturbance from the coarse
/// series, and predicts each pixel by STARFM from the pair on its side of the disturbance.
/// @source Hilker et al. 2009, doi:10.1016/j.rse.2009.03.007; specs: staarch.md; docs/methods/staarch.md
ModelEntry staarch_entry();

}  // namespace stfcube
