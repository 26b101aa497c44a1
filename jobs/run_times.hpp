#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "stfcube/jobs/job_spec.hpp"

namespace stfcube {

/// The time of this start, or SOURCE_DATE_EPOCH so that two builds of one thing can have the same bytes.
/// @throws Error(config) when that variable is no number
std::string creation_time();

/// When this process has to be through: run.time_limit, or what Slurm gave the job.
std::optional<std::chrono::steady_clock::time_point> end_of_time(
    JobSpec const& spec, std::chrono::steady_clock::time_point started);

}  // namespace stfcube
