#include "stfcube/jobs/run_records.hpp"

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/log.hpp"

namespace stfcube {
namespace {

constexpr auto status_interval = std::chrono::seconds(20);

/// Slabs are told by their first date's number, tiles by name.
std::string name_of(FailedUnit const& failed, Plan const& plan) {
  return fmt::format("{} slab {}", plan.tile_name(failed.unit.tile), failed.unit.slab);
}

}  // namespace

std::vector<NotedFailure> noted_failures(std::filesystem::path const& work_directory) {
  std::vector<NotedFailure> failures;
  std::ifstream file(work_directory / failed_units_file);
  for (std::string line; std::getline(file, line);) {
    auto const json = nlohmann::json::parse(line, nullptr, false);
    // The last line may be half written.
    if (!json.is_object() || !json.value("for_good", false)) continue;
    failures.push_back({json.value("unit", std::int64_t{-1}), json.value("tile", ""), json.value("slab", 0),
                        json.value("reason", "")});
  }
  return failures;
}

RunRecords::RunRecords(WorkDirectory const& place, Plan const& plan, RunFacts facts)
    : place_(place),
      plan_(plan),
      facts_(std::move(facts)),
      shown_(facts_.units - facts_.units_before, facts_.pixel_values, true) {
  note("running");
}

void RunRecords::unit_done(RunProgress const& progress) {
  progress_ = progress;
  shown_.update(progress.units_done, progress.pixel_values);
  if (std::chrono::steady_clock::now() - noted_ > status_interval) note("running");
}

void RunRecords::unit_failed(FailedUnit const& failed) {
  bool const for_good = failed.attempt > 1;
  log::warning(fmt::format("{} failed{}: {}", name_of(failed, plan_),
                           for_good ? " again and is left out" : ", is tried again", failed.reason));
  nlohmann::json const line = {{"tile", plan_.tile_name(failed.unit.tile)},
                               {"slab", failed.unit.slab},
                               {"unit", plan_.unit_number(failed.unit)},
                               {"attempt", failed.attempt},
                               {"for_good", for_good},
                               {"reason", failed.reason},
                               {"when", utc_now()}};
  auto const path = place_.file(failed_units_file);
  std::ofstream file(path, std::ios::app);
  file << line.dump() << std::endl;
  require(file.good(), ErrorKind::io,
          fmt::format("{} cannot be written. Make space, or choose another cube.path.", path.string()));
  failed_ += for_good ? 1 : 0;
}

void RunRecords::note(std::string const& state) {
  noted_ = std::chrono::steady_clock::now();
  if (state != "running") shown_.end();
  double const seconds = shown_.seconds();
  double const rate = seconds > 0 ? static_cast<double>(progress_.pixel_values) / seconds : 0;
  double const left = rate > 0 ? static_cast<double>(facts_.pixel_values - progress_.pixel_values) / rate : 0;
  char const* job = std::getenv("SLURM_JOB_ID");
  nlohmann::json const json = {{"state", state},
                               {"units", facts_.units},
                               {"units_done", facts_.units_before + progress_.units_done},
                               {"units_failed", failed_},
                               {"pixel_values_per_second", rate},
                               {"seconds", seconds},
                               {"seconds_left", left},
                               {"ranks", facts_.ranks},
                               {"threads", facts_.threads},
                               {"writer", facts_.writer},
                               {"slurm_job", job ? job : ""},
                               {"when", utc_now()}};
  place_.replace(status_file, json.dump(1) + "\n");
}

std::string failed_lines(std::vector<FailedUnit> const& failed, Plan const& plan) {
  std::string text;
  for (FailedUnit const& one : failed) text += (text.empty() ? "" : "\n") + name_of(one, plan);
  return text;
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace stfcube
