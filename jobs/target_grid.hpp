#pragma once

#include "stfcube/jobs/job_spec.hpp"

namespace stfcube {

/// The cube's grid from [grid]. Opens grid.like. @throws Error(config)
Grid resolve_grid(GridSpec const& spec);

/// grid.ratio, or the whole number between the pixel sizes of `coarse_scene` and the cube.
/// @throws Error(config) when it is not given and the sizes are no whole multiple
int resolve_ratio(GridSpec const& spec, Grid const& fine, Grid const& coarse_scene);

}  // namespace stfcube
