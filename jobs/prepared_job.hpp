#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stfcube/io/observation_reader.hpp"
#include "stfcube/jobs/job_spec.hpp"
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
  std::unique_ptr<FusionModel> model, gap_filler;
  std::vector<Pair> pairs;                 ///< of the whole job
  std::vector<Date> without_coarse;        ///< target dates that no coarse observation has
  Plan plan;
  std::vector<double> tile_cost;           ///< pixel values that have a chance of data
  MemoryBudget budget;
  MemoryPlan memory;
  int threads = 1;
};

/// Finds and checks everything `run` needs before the first pixel; scene headers are shared out over the ranks.
/// @collective @throws Error on every rank: config for the job, data for inputs, resource for memory
std::unique_ptr<PreparedJob> prepare_job(JobSpec const& spec, Communicator const& comm);

/// "finished" when the cube of this very job stands there, "new" when nothing does.
/// @throws Error(config) when something else is in the way: another job's cube (naming the keys that differ), no cube, a
/// directory; or when the folder cannot be written
std::string cube_state(JobSpec const& spec);

}  // namespace stfcube
