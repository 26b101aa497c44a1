#pragma once

#include <filesystem>

#include "stfcube/jobs/job_spec.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// What `stfcube train` was asked for.
struct TrainSettings {
  JobSpec job;
  /// Writes the training patches to this file, those of the validation to the same name with ".validation",
  /// and trains nothing; empty: trains.
  std::filesystem::path export_patches;
  bool fresh = false;  ///< forgets the training that was begun under train.out
};

/// Trains the network of a job on its pairs, or goes on with a training, or says that it is finished.
/// Patches, checkpoint and lock lie in `OUT.work` until the weight file stands; OUT.loss.csv and OUT.loss.svg
/// show the curve. The curve does not depend on the number of ranks, but for rounding. Listens to stop
/// signals from then on.
/// @collective @return exit status: 0 done, 75 stopped before the end
/// @throws Error on every rank: config (among others for a training that was begun otherwise), data, io,
/// model
int train(TrainSettings const& settings, Communicator const& comm);

}  // namespace stfcube
