#include "stfcube/jobs/cube_state.hpp"

#include <fmt/format.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/jobs/job_file.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;

/// "64/64" means that no tile is missing.
bool whole(std::string const& completeness) {
  auto const counts = split(completeness, '/');
  return counts.size() == 2 && counts[0] == counts[1];
}

void check_same_job(CubeReader& cube, JobSpec const& spec) {
  if (cube.attribute("stfcube_job_digest") == spec.digest) return;
  auto const keys = differing_keys(deciding_lines(cube.job_text()), deciding_lines(spec.text));
  throw Error(ErrorKind::config,
              fmt::format("cube.path = {} holds the cube of another job; different: {}. Choose another cube.path, or start "
                          "over with --fresh.",
                          spec.cube_path.string(), keys.empty() ? "version" : fmt::format("{}", fmt::join(keys, ", "))));
}

}  // namespace

fs::path work_directory_of(fs::path const& cube) { return cube.string() + ".work"; }

CubeState cube_state(JobSpec const& spec) {
  check_cube_place(spec.cube_path);
  CubeState state;
  state.text = "new";
  state.started = read_started_run(work_directory_of(spec.cube_path));
  bool const continues = state.started && state.started->job_digest == spec.digest;
  if (fs::exists(spec.cube_path)) {
    auto const cube = open_cube(spec.cube_path);
    // A run that replaces the cube may have been started: it knows its own job.
    if (!continues) check_same_job(*cube, spec);
    bool const same = cube->attribute("stfcube_job_digest") == spec.digest &&
                      (!continues || cube->attribute("date_created") == state.started->created);
    std::string const completeness = cube->attribute("stfcube_completeness");
    if (same && whole(completeness)) {
      state.finished = true;
      state.started.reset();
      state.text = "finished";
      return state;
    }
    state.text = same ? fmt::format("finished with failed tiles, {} units", completeness) : "to be replaced";
  }
  if (!state.started) return state;
  check_continues(*state.started, spec);
  if (state.text == "new") state.text = "started";
  return state;
}

}  // namespace stfcube
