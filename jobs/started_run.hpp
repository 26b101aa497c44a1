#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/jobs/job_inputs.hpp"
#include "stfcube/jobs/job_spec.hpp"

namespace stfcube {

/// What the first start of a cube fixed for all later ones, so that they end with the same bytes: plan.json
/// in the work directory. A value type.
struct StartedRun {
  std::string job_digest;
  std::string job_text;             ///< the deciding lines of the canonical job
  std::string software;             ///< version as described
  std::string created;              ///< "2026-05-01T12:00:00Z"
  std::string command;              ///< for the cube's history
  std::string writer;               ///< cube.writer
  int tile_px = 0, slab_dates = 0;  ///< how the cube is cut
  std::size_t units = 0;
  std::vector<InputLine> inputs;

  bool operator==(StartedRun const&) const = default;
};

inline constexpr char const* started_run_file = "plan.json";

std::string to_json(StartedRun const& run);
/// @throws Error(io) when the text is no plan
StartedRun started_run_from_json(std::string const& text);

/// What stands in a work directory; nothing when no run was started there. @throws Error(io) when it cannot
/// be read
std::optional<StartedRun> read_started_run(std::filesystem::path const& work_directory);

/// Whether a later start of this job may go on. @throws Error(config) naming the keys that differ, or the
/// version
void check_continues(StartedRun const& started, JobSpec const& spec);

/// @param repaired  files may have another size: some could not be read, and were put right
/// @throws Error(data) naming what came, went or changed since the first start
void check_same_inputs(StartedRun const& started, std::vector<InputLine> const& inputs, bool repaired);

}  // namespace stfcube
