#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// FSDAF, Flexible Spatiotemporal Data Fusion: class changes found by unmixing, a spatial prediction from the
/// coarse image of the target, and the coarse residual shared out in its cell by both.
/// @source Zhu et al. 2016, doi:10.1016/j.rse.2015.11.016; specs: fsdaf.md; where we differ:
/// docs/methods/fsdaf.md
ModelEntry fsdaf_entry();

}  // namespace stfcube
