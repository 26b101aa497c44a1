#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/io/observation_reader.hpp"
#include "stfcube/io/cube.hpp"
#include "stfcube/jobs/job_spec.hpp"
#include "stfcube/jobs/started_run.hpp"
#include "stfcube/models/registry.hpp"
#include "stfcube/pipeline/memory_budget.hpp"
#include "stfcube/pipeline/tile_job.hpp"

namespace stfcube {

/// One sensor of a job: what was found, and what its headers say.
struct PreparedSensor {
  Catalog catalog;
  std::vector<SceneHeader> headers;  ///< one per scene
  std::unique_ptr<ObservationReader> reader;
  std::unique_ptr<BlockCache> cache;
};

/// A job with every input opened once and checked, cut into tiles and slabs, fitted into memory: ready to run.
struct PreparedJob {
  JobSpec spec;
  FusionTask task;  ///< points into this object
  PreparedSensor fine, coarse;
  std::unique_ptr<LabelMap> classes, objects;  ///< null where the job has none
  std::unique_ptr<FusionModel> model, gap_filler;
  std::vector<Pair> pairs;                 ///< of the whole job
  std::vector<Date> without_coarse;        ///< target dates that no coarse observation has
  Plan plan;
  std::vector<double> tile_cost;           ///< pixel values that have a chance of data
  MemoryBudget budget;
  MemoryPlan memory;
  int threads = 1;
  std::vector<InputRecord> inputs;         ///< for the provenance
};

/// Finds and checks everything `run` needs before the first pixel; scene headers are shared out over the ranks.
/// @collective @throws Error on every rank: config for the job, data for inputs, resource for memory
/// @param started  what an earlier start fixed: the cube keeps its tiles and slabs, and its inputs must be the same
std::unique_ptr<PreparedJob> prepare_job(JobSpec const& spec, std::optional<StartedRun> const& started,
                                         Communicator const& comm);

/// What the methods of a prepared job are made from.
ModelSettings model_settings(PreparedJob const& job);

}  // namespace stfcube
