#include "stfcube/jobs/cube_state.hpp"

#include <utility>

#include <fmt/format.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/stored_progress.hpp"
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

/// Units that earlier starts have done; fills in `started` when there are any.
std::size_t read_progress(JobSpec const& spec, CubeState& state) {
  fs::path const work = work_directory_of(spec.cube_path);
  auto started = read_started_run(work);
  if (!started) return 0;
  std::size_t const units = stored_progress(work).units.size();
  if (units > 0) state.started = std::move(started);
  return units;
}

void check_same_job(CubeReader& cube, JobSpec const& spec) {
  if (cube.attribute("stfcube_job_digest") == spec.digest) return;
  auto const keys = differing_keys(deciding_lines(cube.job_text()), deciding_lines(spec.text));
  throw Error(
      ErrorKind::config,
      fmt::format(
          "cube.path = {} holds the cube of another job; different: {}. Choose another cube.path, or start "
          "over with --fresh.",
          spec.cube_path.string(), keys.empty() ? "version" : fmt::format("{}", fmt::join(keys, ", "))));
}

}  // namespace

CubeState cube_state(JobSpec const& spec) {
  check_cube_place(spec.cube_path);
  CubeState state;
  std::size_t const units_done = read_progress(spec, state);
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
  if (!state.started && state.text.empty()) state.text = "new";
  if (!state.started) return state;
  check_continues(*state.started, spec);
  state.text += fmt::format("{}{} of {} units done", state.text.empty() ? "started: " : "; ", units_done,
                            state.started->units);
  return state;
}

CubeState cube_state(JobSpec const& spec, Communicator const& comm) {
  CubeState state;
  comm.together([&] {
    if (comm.is_root()) state = cube_state(spec);
  });
  state.text = comm.broadcast(state.text);
  state.finished = comm.broadcast(state.finished ? "yes" : "") == "yes";
  std::string const started = comm.broadcast(state.started ? to_json(*state.started) : "");
  if (!started.empty()) state.started = started_run_from_json(started);
  return state;
}

}  // namespace stfcube
