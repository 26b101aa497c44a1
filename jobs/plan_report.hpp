#pragma once

#include <string>

#include "stfcube/jobs/prepared_job.hpp"

namespace stfcube {

/// What `stfcube plan` prints and `run` logs first: grid, dates, pairs per date, tiles, memory per rank, cost, the state of
/// the cube and a Slurm request that fits. Pure, but for what `state` says.
/// @param state   of cube_state
/// @param ranks   the run is planned for
std::string plan_report(PreparedJob const& job, std::string const& state, int ranks);

/// The same as JSON, for machines.
std::string plan_json(PreparedJob const& job, std::string const& state, int ranks);

}  // namespace stfcube
