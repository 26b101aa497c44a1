#pragma once

#include <string>

#include "stfcube/jobs/job_spec.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

struct RunSettings {
  std::string command;  ///< as typed, for the provenance
  bool fresh = false;   ///< replace a cube that stands in the way
};

/// Builds the cube of a job, or says that it stands there already. Logs the plan, progress and where the time went.
/// @collective @return exit status. @throws Error on every rank
int run_job(JobSpec const& spec, RunSettings const& settings, Communicator const& comm);

}  // namespace stfcube
