#pragma once

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// ROBOT, robust optimisation-based fusion of series (Chen, Wang, Gong 2023): block by block, the coarse
/// image of the target and a fine reference as one non-negative combination of the pairs around the target.
/// @source specs: robot.md; docs/methods/robot.md
ModelEntry robot_entry();

}  // namespace stfcube
