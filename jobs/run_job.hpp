#pragma once

#include <string>

#include "stfcube/jobs/job_spec.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

struct RunSettings {
  std::string command;  ///< for the cube's history
  bool fresh = false;   ///< start over: replace a cube or work in progress that stands in the way
};

/// Builds the cube of a job, or continues it, or says that it stands there already. Logs the plan, progress and where the
/// time went. Listens to stop signals from then on.
/// @collective @return exit status: 0 done, 4 finished with failed tiles, 75 stopped before the end. @throws Error on every
/// rank
int run_job(JobSpec const& spec, RunSettings const& settings, Communicator const& comm);

}  // namespace stfcube
