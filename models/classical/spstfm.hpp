#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// SPSTFM: codes coarse changes patch by patch in a dictionary that was learnt together with a fine one, and
/// takes the fine changes that belong to the codes.
/// @source Huang and Song 2012, doi:10.1109/TGRS.2012.2186638; specs: spstfm.md; docs/methods/spstfm.md
ModelEntry spstfm_entry();

}  // namespace stfcube
