#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// ESTARFM, the Enhanced Spatial and Temporal Adaptive Reflectance Fusion Model: the coarse change of similar
/// pixels, weighted by how alike their fine and coarse spectra are, times a coefficient that turns coarse
/// into fine change, from the pair before and the pair after the target.
///
/// Needs two pairs at a pixel. Similar pixels, weights and coefficients are found once and serve all targets
/// of a call that lie between the same pairs.
/// @source Zhu et al. 2010, doi:10.1016/j.rse.2010.05.032; where we differ: docs/methods/estarfm.md
ModelEntry estarfm_entry();

}  // namespace stfcube
