#pragma once

#include <ostream>
#include <string>

#include "stfcube/jobs/accuracy_report.hpp"
#include "stfcube/jobs/comparison.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The options of `stfcube evaluate`.
struct EvaluateSettings : ComparisonSettings {
  std::string json, csv;           ///< files to write; "-": standard output instead of the table; empty: none
  std::filesystem::path pictures;  ///< folder for pictures; empty: none
  int threads = 0;                 ///< per rank; 0 = this rank's share of the cores
};

/// Compares predictions with references pixel by pixel, and draws the pictures that were asked for. The
/// figures are the same, to the last bit, for any number of ranks and threads. Memory per rank is bounded by
/// one tile of all bands.
/// @collective @throws Error(config, data) when something cannot be compared; Error(data) when a file holds
/// values that
///             are not of the other side's quantity (a scale is missing)
AccuracyReport measure_accuracy(EvaluateSettings const& settings, Communicator const& comm);

/// The table, JSON and CSV of a report on the root: results to `out`.
/// @param json, csv  as in EvaluateSettings
/// @collective @throws Error(io) when a file cannot be written
void put_report(AccuracyReport const& report, std::string const& json, std::string const& csv,
                Communicator const& comm, std::ostream& out);

/// measure_accuracy, then the table, JSON and CSV on the root: results to `out`.
/// @collective @throws Error(io) when a file cannot be written
void evaluate(EvaluateSettings const& settings, Communicator const& comm, std::ostream& out);

}  // namespace stfcube
