#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The fine image nearest in time, or (copy.best) that of the neighbouring pair with the smaller coarse
/// change at the pixel. The floor that tells whether anything was predicted at all.
/// @source specs: baselines.md, section 1; docs/methods/copy.md
ModelEntry copy_entry();

}  // namespace stfcube
