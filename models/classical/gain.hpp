#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// Fine image plus a gain times the coarse change; the gain is the slope of fine on coarse images over all
/// pairs.
/// @source specs: baselines.md, section 5; docs/methods/gain.md
ModelEntry gain_entry();

}  // namespace stfcube
