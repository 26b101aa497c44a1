#include "stfcube/jobs/started_run.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "stfcube/jobs/job_file.hpp"
#include "stfcube/partitioning/core/build_info.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {

std::string to_json(StartedRun const& run) {
  auto inputs = nlohmann::json::array();
  for (InputLine const& line : run.inputs) inputs.push_back({line.name, line.bytes});
  nlohmann::json const json = {{"format", 1},
                               {"job_digest", run.job_digest},
                               {"job", run.job_text},
                               {"software", run.software},
                               {"created", run.created},
                               {"command", run.command},
                               {"writer", run.writer},
                               {"tile_px", run.tile_px},
                               {"slab_dates", run.slab_dates},
                               {"units", run.units},
                               {"inputs", inputs}};
  return json.dump(1) + "\n";
}

StartedRun started_run_from_json(std::string const& text) {
  try {
    auto const json = nlohmann::json::parse(text);
    require(json.at("format") == 1, ErrorKind::io, "it was written by another version of stfcube.");
    std::vector<InputLine> inputs;
    for (auto const& line : json.at("inputs")) inputs.push_back({line.at(0), line.at(1)});
    return {.job_digest = json.at("job_digest"),
            .job_text = json.at("job"),
            .software = json.at("software"),
            .created = json.at("created"),
            .command = json.at("command"),
            .writer = json.at("writer"),
            .tile_px = json.at("tile_px"),
            .slab_dates = json.at("slab_dates"),
            .units = json.at("units"),
            .inputs = inputs};
  } catch (nlohmann::json::exception const&) {
    throw Error(ErrorKind::io, "it is no plan of stfcube, or damaged.");
  }
}

std::optional<StartedRun> read_started_run(std::filesystem::path const& work_directory) {
  auto const path = work_directory / started_run_file;
  if (!std::filesystem::exists(path)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string const text{std::istreambuf_iterator<char>(file), {}};
  try {
    return started_run_from_json(text);
  } catch (Error const& error) {
    throw Error(error.kind(),
                fmt::format("{} cannot be used: {} Start over with --fresh.", path.string(), error.what()));
  }
}

void check_continues(StartedRun const& started, JobSpec const& spec) {
  auto const check = [&](bool same, std::string const& why) {
    require(
        same, ErrorKind::config,
        fmt::format("cube.path = {} was started {}. Choose another cube.path, or start over with --fresh.",
                    spec.cube_path.string(), why));
  };
  auto const keys = differing_keys(started.job_text, deciding_lines(spec.text));
  check(started.job_digest == spec.digest,
        fmt::format("for another job; different: {}",
                    keys.empty() ? "version" : fmt::format("{}", fmt::join(keys, ", "))));
  check(started.software == version_described(),
        fmt::format("by stfcube {}, and this is {}: the rest might differ in its last digits",
                    started.software, version_described()));
  check(started.writer == spec.writer, fmt::format("with cube.writer = {}", started.writer));
}

void check_same_inputs(StartedRun const& started, std::vector<InputLine> const& inputs, bool repaired) {
  auto const sorted = [&](std::vector<InputLine> all) {
    for (InputLine& line : all) line.bytes = repaired ? 0 : line.bytes;
    std::ranges::sort(all);
    return all;
  };
  auto const before = sorted(started.inputs), now = sorted(inputs);
  std::vector<InputLine> gone, fresh;
  std::ranges::set_difference(before, now, std::back_inserter(gone));
  std::ranges::set_difference(now, before, std::back_inserter(fresh));
  std::vector<std::string> lines;
  for (InputLine const& one : gone) lines.push_back(fmt::format("was: {} ({} bytes)", one.name, one.bytes));
  for (InputLine const& one : fresh) lines.push_back(fmt::format("now: {} ({} bytes)", one.name, one.bytes));
  require(lines.empty(), ErrorKind::data,
          fmt::format("the input files are not those that this cube was started with:\n{}\nPut them back, or "
                      "start over with "
                      "--fresh.",
                      join_limited(lines, 10)));
}

}  // namespace stfcube
