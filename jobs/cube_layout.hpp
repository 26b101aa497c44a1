#pragma once

#include "stfcube/io/cube.hpp"
#include "stfcube/jobs/prepared_job.hpp"
#include "stfcube/jobs/started_run.hpp"

namespace stfcube {

/// The cube of a job before its first pixel. What could differ between starts (date, command) is that of the
/// first one.
CubeLayout cube_layout(PreparedJob const& job, StartedRun const& started);

}  // namespace stfcube
