#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "stfcube/jobs/accuracy_report.hpp"
#include "stfcube/jobs/image_source.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The options of `stfcube evaluate`.
struct EvaluateSettings {
  std::vector<std::filesystem::path> predictions, references;  ///< cubes or raster files
  std::filesystem::path mask;                         ///< raster file, not zero = evaluate; empty: everywhere
  std::string date_pattern = "%Y%m%d";                ///< where file names say their date
  FileScaling reference_scaling, prediction_scaling;  ///< of files
  std::optional<double> ratio;  ///< coarse / fine pixel size, for ERGAS; default: of a cube's job
  std::optional<double>
      data_range;  ///< L of SSIM and MAX of PSNR; default 1, of other quantities their valid range
  std::string quality = "all";  ///< all | fused (pixels that the cube did not observe on that day)
  std::string json, csv;        ///< files to write; "-": standard output instead of the table; empty: none
  int threads = 0;              ///< per rank; 0 = this rank's share of the cores
};

/// Compares predictions with references pixel by pixel. The figures are the same, to the last bit, for any
/// number of ranks and threads. Memory per rank is bounded by one tile of all bands.
/// @collective @throws Error(config, data) when something cannot be compared; Error(data) when a file holds
/// values that
///             are not of the other side's quantity (a scale is missing)
AccuracyReport measure_accuracy(EvaluateSettings const& settings, Communicator const& comm);

/// measure_accuracy, then the table, JSON and CSV on the root: results to `out`.
/// @collective @throws Error(io) when a file cannot be written
void evaluate(EvaluateSettings const& settings, Communicator const& comm, std::ostream& out);

}  // namespace stfcube
