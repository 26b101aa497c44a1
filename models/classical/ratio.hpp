#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// Fine image times the ratio of the coarse images, limited to 1/2 ... 2.
/// @source specs: baselines.md, section 4; docs/methods/ratio.md
ModelEntry ratio_entry();

}  // namespace stfcube
