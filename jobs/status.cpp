#include "stfcube/jobs/status.hpp"

#include <fstream>
#include <iterator>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/stored_progress.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/io/work_lock.hpp"
#include "stfcube/jobs/run_records.hpp"
#include "stfcube/jobs/started_run.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;

/// Nothing when there is no such file, or it is being replaced or damaged: then less is told.
std::optional<nlohmann::json> json_of(std::string const& text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  return json.is_object() ? std::optional(json) : std::nullopt;
}

std::string text_of_file(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void read_cube(CubeStatus& status) {
  auto const cube = open_cube(status.cube);
  auto const counts = split(cube->attribute("stfcube_completeness"), '/');
  if (counts.size() == 2) {
    status.units_done = static_cast<std::size_t>(parse_integer(counts[0]).value_or(0));
    status.units = static_cast<std::size_t>(parse_integer(counts[1]).value_or(0));
  }
  status.job_digest = cube->attribute("stfcube_job_digest");
  status.started = cube->attribute("date_created");
  status.stored_bytes = fs::file_size(status.cube);
  status.state = status.units_done == status.units ? "finished" : "finished with failed tiles";
}

/// What the latest start noted of itself.
void read_notes(CubeStatus& status, fs::path const& work) {
  if (auto const noted = json_of(text_of_file(work / status_file))) {
    status.values_per_second = noted->value("pixel_values_per_second", 0.0);
    status.seconds_left = noted->value("seconds_left", 0.0);
    status.noted = noted->value("when", "");
    if (noted->value("state", "") == "stopped") status.state = "stopped";
    // The collective writer has no journals.
    if (status.writer == "collective") status.units_done = noted->value("units_done", std::size_t{0});
  }
}

void read_work(CubeStatus& status, fs::path const& work) {
  auto const started = read_started_run(work);
  bool const is_of_finished = !status.state.empty();
  if (started) {
    status.units = started->units;
    status.job_digest = started->job_digest;
    status.started = started->created;
    status.writer = started->writer;
    auto const stored = stored_progress(work);
    status.units_done = stored.units.size();
    status.stored_bytes = stored.bytes;
    for (NotedFailure const& one : noted_failures(work)) {
      if (stored.units.contains(one.unit)) continue;
      status.failed.push_back(fmt::format("{} slab {}: {}", one.tile, one.slab, one.reason));
    }
  }
  auto const lock = look_at_lock(work);
  if (!is_of_finished) status.state = started ? "dead" : "waiting";
  read_notes(status, work);
  if (lock) {
    status.holder = lock->holder;
    status.quiet_seconds = lock->quiet_seconds;
    if (lock->alive) status.state = "running";
  }
}

std::string duration(double seconds) {
  auto const whole = static_cast<long>(seconds);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

CubeStatus cube_status(fs::path const& cube) {
  CubeStatus status;
  status.cube = cube;
  fs::path const work = work_directory_of(cube);
  bool const is_there = fs::exists(cube), is_started = fs::is_directory(work);
  require(is_there || is_started, ErrorKind::config,
          fmt::format("there is neither {} nor {}: no run was started for this cube. Name the cube as "
                      "cube.path of its job "
                      "does.",
                      cube.string(), work.string()));
  if (is_there) read_cube(status);
  if (is_started) read_work(status, work);
  return status;
}

std::string status_text(CubeStatus const& s) {
  std::string text;
  auto const line = [&](char const* name, std::string const& value) {
    text += fmt::format("{:<9}{}\n", name, value);
  };
  double const percent =
      s.units > 0 ? 100.0 * static_cast<double>(s.units_done) / static_cast<double>(s.units) : 0;
  line("cube", s.cube.string());
  line("state", s.state == "dead" ? "dead: the run ended without a farewell; the same command continues it"
                : s.state == "stopped" ? "stopped as asked; the same command continues it"
                                       : s.state);
  line("done", fmt::format("{} of {} units, {:.0f} %, {} stored", s.units_done, s.units, percent,
                           format_bytes(s.stored_bytes)));
  if (!s.started.empty()) line("started", s.started);
  if (s.state == "running") {
    line("writes", fmt::format("{}; last sign of life {} s ago", s.holder, s.quiet_seconds));
    if (s.values_per_second > 0) {
      line("rate", fmt::format("{:.2f} M pixel values/s, {} left (noted {})", s.values_per_second / 1e6,
                               duration(s.seconds_left), s.noted));
    }
  }
  line("failed",
       s.failed.empty() ? "none" : fmt::format("{} units\n{}", s.failed.size(), join_limited(s.failed)));
  return text;
}

std::string status_json(CubeStatus const& s) {
  nlohmann::json const json = {{"cube", s.cube.string()},
                               {"state", s.state},
                               {"units", s.units},
                               {"units_done", s.units_done},
                               {"stored_bytes", s.stored_bytes},
                               {"pixel_values_per_second", s.values_per_second},
                               {"seconds_left", s.seconds_left},
                               {"holder", s.holder},
                               {"quiet_seconds", s.quiet_seconds},
                               {"noted", s.noted},
                               {"started", s.started},
                               {"writer", s.writer},
                               {"job_digest", s.job_digest},
                               {"failed", s.failed}};
  return json.dump(2) + "\n";
}

}  // namespace stfcube
