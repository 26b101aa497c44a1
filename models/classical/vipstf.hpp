#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// VIPSTF, virtual image pair based fusion: a linear combination of all coarse images that explains that of
/// the target makes a virtual fine image, and similar pixels spread what stays unexplained.
///
/// Up to four pairs, chosen for every pixel by itself: the nearest valid ones, of both sides in turn.
/// @source Wang et al. 2020, doi:10.1016/j.rse.2020.112009; where we differ: docs/methods/vipstf.md
ModelEntry vipstf_entry();

}  // namespace stfcube
