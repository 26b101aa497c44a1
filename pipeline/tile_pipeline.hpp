#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/pipeline/dispatch.hpp"
#include "stfcube/pipeline/tile_job.hpp"

namespace stfcube {

/// How one rank spends its cores and memory, and how a run ends.
struct PipelineSettings {
  int threads = 1;    ///< for reading and fusing; the main thread writes
  int in_flight = 2;  ///< units in memory at once, finished ones that wait for the writer included
  std::chrono::seconds grace{120};  ///< for units in flight after a request to stop
  std::optional<std::chrono::steady_clock::time_point> end = {};  ///< of the time this process has
};

/// The first passes of a job: that of the task's model where it wants statistics, and, where the cube has an uncertainty
/// layer, that over the residuals of its pairs, which sets the task's uncertainty_scale. In every round each rank observes
/// its tiles, the sums are merged, and the pass takes them, until it wants no more.
/// @param my_units  over all ranks every tile occurs
/// @param kept      rounds of an earlier start of the same run, packed: they are not gathered again
/// @return the packed statistics of all rounds, the same on every rank
/// @collective @throws Error on every rank when one fails
std::vector<std::string> run_first_passes(FusionTask& task, Plan const& plan, std::vector<Unit> const& my_units,
                                          int threads, Communicator const& comm,
                                          std::vector<std::string> const& kept = {});

/// Reads, fuses and writes units: on each rank at most `in_flight` at once, finished units written as they
/// come. Units are handed out one by one to ranks that have room (Dispatch); with a writer that works in
/// rounds every rank does its own piece, and ranks meet before every write.
///
/// A unit whose input cannot be read or whose method fails is tried once more, then counts as failed, and the
/// run goes on. Any other error ends the run on every rank. After a request to stop (`stop_requested` on any
/// rank, or the end of the time) no unit is begun; units in flight are finished and written, and when they
/// are not through after `grace` the process ends with `stopped_status` without them.
///
/// @param work      units of each rank that are to be done, the same everywhere
/// @param observer  used on rank 0; may be null
/// @collective @return the same on every rank. @throws Error on every rank when one fails
RunOutcome run_units(FusionTask const& task, Plan const& plan, std::vector<std::vector<Unit>> const& work,
                     PipelineSettings const& settings, CubeWriter& writer, Communicator const& comm,
                     Timings& timings, RunObserver* observer);

}  // namespace stfcube
