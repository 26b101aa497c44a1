#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// OBSUM, object-based spatial unmixing: the change of each object of the fine image is unmixed from the
/// coarse change, then coarse residuals are put back object by object and pixel by pixel.
///
/// One pair, chosen for every pixel by itself: the nearest valid one. Objects come from the job's map or are
/// regions of one class; both are cut at a lattice, so that nothing depends on tiles.
/// @source Guo et al. 2024, doi:10.1016/j.rse.2024.114046; where we differ: docs/methods/obsum.md
ModelEntry obsum_entry();

}  // namespace stfcube
