#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/io/compression.hpp"
#include "stfcube/io/sensor.hpp"
#include "stfcube/jobs/job_file.hpp"
#include "stfcube/jobs/training_spec.hpp"
#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube {

inline constexpr int most_ratio = 10000;  ///< of the pixel sizes of both sensors

/// [grid], before files were opened.
struct GridSpec {
  std::filesystem::path like;
  std::string crs;
  std::optional<std::array<double, 4>> bounds;      ///< xmin ymin xmax ymax
  std::optional<std::array<double, 2>> resolution;  ///< x, y
  std::optional<int> ratio;
};

/// A whole job as one validated value, the same on every rank. Values only: no file was opened to make it.
struct JobSpec {
  GridSpec grid;
  SensorSpec fine, coarse;
  std::vector<std::string> bands;        ///< of the cube, in order
  std::string target_dates;              ///< resolved by target_dates.hpp once the catalogues are known
  std::string model_name;
  std::map<std::string, std::string> model_options;  ///< METHOD.OPTION
  std::filesystem::path weights;                     ///< of a network; empty: none
  int max_pair_gap_days = 90, pair_tolerance_days = 0;
  int zone_px = 0;                          ///< side of a statistics zone; 0: statistics of the whole scene
  std::filesystem::path class_map, object_map;  ///< empty: none
  bool gap_fill = true;
  Quantity quantity;
  std::filesystem::path cube_path;
  std::array<int, 4> chunk = {1, 1, 256, 256};
  Compression compression;
  std::string writer = "staged";  ///< staged or collective
  bool uncertainty = true;
  std::string title, institution;
  std::uint64_t extent_align = 4096;
  int tile_px = 512, slab_dates = 0, threads = 0;
  std::chrono::seconds grace{120}, time_limit{0};
  std::uint64_t memory_bytes = 0;
  TrainingSpec training;

  std::string text;    ///< canonical job, all keys
  std::string digest;  ///< SHA-256 of the canonical keys that decide the result
  std::filesystem::path folder;  ///< relative paths start here
};

/// Checks types, ranges and combinations. @param folder the job file's folder
/// @throws Error(config) with key, value and what is allowed
JobSpec make_job_spec(KeyValues const& values, std::filesystem::path const& folder);

}  // namespace stfcube
