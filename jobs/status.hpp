#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace stfcube {

/// How far a cube is, from its file and from the work directory beside it.
struct CubeStatus {
  std::filesystem::path cube;
  std::string state;  ///< finished, finished with failed tiles, running, stopped, dead, waiting
  std::size_t units = 0, units_done = 0;
  std::uint64_t stored_bytes = 0;  ///< compressed, so far
  double values_per_second = 0;    ///< pixels x bands x dates, of the latest start
  double seconds_left = 0;         ///< when running; 0 = not known yet
  std::string holder;              ///< who writes, or wrote last
  long quiet_seconds = 0;          ///< since its last sign of life
  std::string noted;               ///< when the run noted its rate: "2026-05-01T12:00:00Z"
  std::string job_digest, started, writer;
  std::vector<std::string> failed;  ///< one line per failed unit
};

/// Reads what is there; waits for nothing and changes nothing, so that it may be called while a run writes
/// and by anybody who may read. @throws Error(config) when neither the cube nor its work directory is there
CubeStatus cube_status(std::filesystem::path const& cube);

/// For people, and for machines.
std::string status_text(CubeStatus const& status);
std::string status_json(CubeStatus const& status);

}  // namespace stfcube
