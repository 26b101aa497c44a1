#pragma once

#include <optional>
#include <string>

#include "stfcube/jobs/job_spec.hpp"
#include "stfcube/jobs/started_run.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// What stands where the cube of a job is to be.
struct CubeState {
  bool finished = false;                   ///< the whole cube of this very job: nothing is left to do
  std::optional<StartedRun> started = {};  ///< a run that can be continued
  std::string text = {};                   ///< for people: "new", "finished", "started: 12 of 64 units done"
};

/// Looks, without changing anything. A start that did not complete any unit counts for nothing. @throws
/// Error(config) when something else is in the way: another job's cube or work in progress (naming the keys
/// that differ), no cube, a folder; or when the folder cannot be written
CubeState cube_state(JobSpec const& spec);

/// What the root sees, on every rank. @collective @throws as above, on every rank
CubeState cube_state(JobSpec const& spec, Communicator const& comm);

}  // namespace stfcube
