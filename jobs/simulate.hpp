#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "stfcube/io/synthetic/scene_simulator.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// What `stfcube simulate` was asked for.
struct SimulateSettings {
  std::filesystem::path out;
  SceneSettings scene;
  std::string crs = "EPSG:32632";
  bool truth = false;             ///< write the truth of every coarse date
  std::vector<Date> truth_dates;  ///< and of these
  bool overwrite = false;         ///< replace an archive that is already in `out`
};

/// Writes an archive of simulated scenes and a job file for it:
///   fine/FINE_YYYYMMDD.tif       int16, scale 0.0001, no data -9999, one band per spectral band
///   fine/FINE_YYYYMMDD_QA.tif    uint16, words as in Landsat Collection 2 QA_PIXEL
///   coarse/COARSE_YYYYMMDD.tif   like fine, ceil(size / ratio) cells
///   truth/TRUTH_YYYYMMDD.tif     like fine, without clouds and noise; on request
///   job.cfg                      written last: where it is, the archive is complete
/// Pixels do not depend on ranks or threads. Memory: at most some 400 MB per rank and 60 MB per thread, for
/// any size.
/// @collective dates are shared out over ranks, and over the threads of each
/// @throws Error(config) when a setting is out of range, or `out` holds files and `overwrite` is not set;
/// Error(io)
void simulate(SimulateSettings const& settings, Communicator const& comm);

/// The job file of such an archive, with comments that teach. Pure.
std::string simulated_job(SimulateSettings const& settings);

}  // namespace stfcube
