#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// ImproPhe (Frantz et al. 2016): every fine pixel takes the weighted mean of the coarse values at spectrally
/// similar pixels around it.
/// @source specs: efast.md, ImproPhe; docs/methods/improphe.md
ModelEntry improphe_entry();

}  // namespace stfcube
