#pragma once

#include <vector>

#include "stfcube/pipeline/tile_job.hpp"

namespace stfcube {

/// How one rank spends its cores and memory.
struct PipelineSettings {
  int threads = 1;    ///< for reading and fusing; the main thread writes
  int in_flight = 2;  ///< units in memory at once, finished ones that wait for the writer included
};

/// What one rank did.
struct PipelineResult {
  std::size_t units_done = 0;    ///< of all ranks
  std::int64_t pixel_values = 0; ///< pixels x bands x dates, of all ranks
};

/// First pass of methods that want statistics: every rank observes its tiles, the sums are merged, the model prepared.
/// @collective @throws Error on every rank when one fails
void run_statistics(FusionTask const& task, Plan const& plan, std::vector<Unit> const& my_units, int threads,
                    Communicator const& comm);

/// Reads, fuses and writes all units of this rank: at most `in_flight` in memory, finished units written as they come.
/// Ranks meet before every write, so that a rank that fails ends the run on all of them.
/// @collective @throws Error on every rank when one fails
PipelineResult run_units(FusionTask const& task, Plan const& plan, std::vector<Unit> const& my_units,
                         PipelineSettings const& settings, CubeWriter& writer, Communicator const& comm,
                         Timings& timings);

}  // namespace stfcube
