#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The coarse image of the target date by cubic convolution, without any fine image.
/// @source specs: baselines.md, section 6; docs/methods/coarse_up.md
ModelEntry coarse_up_entry();

}  // namespace stfcube
