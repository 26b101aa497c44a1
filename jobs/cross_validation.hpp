#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "stfcube/jobs/accuracy_report.hpp"
#include "stfcube/jobs/job_spec.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The options of `stfcube evaluate --cross-validate`.
struct CrossValidationSettings {
  JobSpec job;
  std::vector<std::string> methods;  ///< empty: all that are registered
  std::filesystem::path mask;      ///< raster file on the cube's grid, not zero = evaluate; empty: everywhere
  std::filesystem::path classes;   ///< raster file of class numbers on the cube's grid; empty: no classes
  std::string json, csv;           ///< files to write; "-": standard output instead of the table; empty: none
  std::filesystem::path pictures;  ///< folder for pictures; empty: none
};

/// Withholds the fine scene of every pair date of a job in turn, lets each method predict the whole scene of
/// that date from what is left, and measures the predictions against what was withheld: for each method by
/// itself, and over the pixels that all of them predicted. Gaps are not filled. A method that cannot predict
/// a date is reported with the reason. Figures are the same, to the last bit, for any number of ranks and
/// threads; memory per rank is bounded by one tile of all methods within the job's budget.
/// @collective @throws Error(config) for an unknown method; Error(data) when there are fewer than two pairs,
/// and like prepare_job
AccuracyReport measure_by_cross_validation(CrossValidationSettings const& settings, Communicator const& comm);

/// measure_by_cross_validation, then the table, JSON and CSV on the root: results to `out`.
/// @collective @throws Error(io) when a file cannot be written
void cross_validate(CrossValidationSettings const& settings, Communicator const& comm, std::ostream& out);

}  // namespace stfcube
