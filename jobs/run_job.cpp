#include "stfcube/jobs/run_job.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/jobs/plan_report.hpp"
#include "stfcube/jobs/prepared_job.hpp"
#include "stfcube/partitioning/core/build_info.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/pipeline/tile_pipeline.hpp"

namespace stfcube {
namespace {

/// The time of this start, or SOURCE_DATE_EPOCH so that two builds of one cube can have the same bytes.
std::string creation_time() {
  std::time_t now = std::time(nullptr);
  if (char const* fixed = std::getenv("SOURCE_DATE_EPOCH")) {
    auto const seconds = parse_integer(fixed);
    require(seconds.has_value(), ErrorKind::config, fmt::format("SOURCE_DATE_EPOCH = {} is no number of seconds.", fixed));
    now = static_cast<std::time_t>(*seconds);
  }
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

std::string href_of(std::string const& path, std::filesystem::path const& folder) {
  // A signed URL holds a secret behind its question mark.
  if (path.starts_with("/vsi") || path.find("://") != std::string::npos) return path.substr(0, path.find('?'));
  return std::filesystem::absolute(path).lexically_proximate(std::filesystem::absolute(folder)).string();
}

void add_inputs(std::vector<InputRecord>& inputs, PreparedSensor const& sensor, std::filesystem::path const& folder) {
  auto const add = [&](std::string const& path, std::string const& role, Date date) {
    inputs.push_back({href_of(path, folder), std::filesystem::path(path).stem().string(), role, date});
  };
  for (Scene const& scene : sensor.catalog.scenes) {
    std::string last;
    for (BandFile const& band : scene.bands) {
      if (band.path != last) add(last = band.path, sensor.catalog.sensor.role, scene.date);
    }
    if (scene.qa) add(scene.qa->path, "mask", scene.date);
  }
}

/// Centre wavelengths of the usual band names (Landsat 8 OLI), micrometres.
float wavelength_um(std::string const& band) {
  static std::map<std::string, float> const known = {{"coastal", 0.443F}, {"blue", 0.482F},  {"green", 0.561F},
                                                     {"red", 0.655F},     {"nir", 0.865F},   {"swir1", 1.609F},
                                                     {"swir2", 2.201F},   {"thermal", 10.9F}};
  auto const found = known.find(band);
  return found == known.end() ? std::numeric_limits<float>::quiet_NaN() : found->second;
}

CubeLayout cube_layout(PreparedJob const& job, RunSettings const& settings) {
  JobSpec const& spec = job.spec;
  CubeLayout layout;
  layout.path = spec.cube_path;
  layout.grid = job.task.fine_grid;
  layout.dates = job.task.targets;
  layout.bands = spec.bands;
  std::ranges::transform(spec.bands, std::back_inserter(layout.wavelengths_um), wavelength_um);
  layout.quantity = spec.quantity;
  layout.uncertainty = spec.uncertainty;
  layout.chunk = spec.chunk;
  layout.deflate_level = spec.deflate_level;
  ModelInfo const& info = job.model->info();
  layout.provenance = {.job_text = spec.text,
                       .job_digest = spec.digest,
                       .created = creation_time(),
                       .command = settings.command,
                       .model = info.name,
                       .model_title = info.title,
                       .model_citation = info.citation,
                       .title = spec.title.empty() ? fmt::format("{} data cube by {}", spec.quantity.name, info.name) : spec.title,
                       .institution = spec.institution,
                       .inputs = {}};
  add_inputs(layout.provenance.inputs, job.fine, spec.folder);
  add_inputs(layout.provenance.inputs, job.coarse, spec.folder);
  return layout;
}

/// Slowest and median over ranks of a number, for the closing lines.
std::string slowest_and_median(double value, Communicator const& comm) {
  std::vector<double> all(static_cast<std::size_t>(comm.size()));
  all[static_cast<std::size_t>(comm.rank())] = value;
  comm.sum(all);
  std::ranges::sort(all);
  return fmt::format("{:.1f} / {:.1f}", all.back(), all[all.size() / 2]);
}

void log_closing(PipelineResult const& result, double seconds, Timings const& timings, PreparedJob const& job,
                 Communicator const& comm) {
  auto const text = [&](std::atomic<std::int64_t> const& clock) {
    return slowest_and_median(static_cast<double>(clock.load()) * 1e-9, comm);
  };
  // In this order on every rank: each line is a collective sum.
  std::string const read = text(timings.read_ns);
  std::string const fuse = text(timings.fuse_ns);
  std::string const write = text(timings.write_ns);
  std::string const wait = text(timings.wait_ns);
  auto const peak = static_cast<std::uint64_t>(comm.max(static_cast<std::int64_t>(peak_memory_bytes())));
  double const rate = static_cast<double>(result.pixel_values) / seconds / 1e6;
  log::info(fmt::format("{} units in {:.1f} s: {:.2f} M pixel values/s, {:.2f} M per core", result.units_done, seconds, rate,
                        rate / (static_cast<double>(comm.size()) * job.threads)));
  log::info(fmt::format("thread seconds, slowest / median rank: read {}, fuse {}, write {}, wait {}", read, fuse, write, wait));
  log::info(fmt::format("peak memory per rank {} of {}", format_bytes(peak), format_bytes(job.budget.bytes)));
}

void log_start(PreparedJob const& job, Communicator const& comm) {
  log::info(fmt::format("stfcube {}: {} rank{}, {} on this node, {} threads each (this process may use {} cores)",
                        version_described(), comm.size(), comm.size() == 1 ? "" : "s", comm.node_size(), job.threads,
                        available_threads()));
  if (available_threads() < job.threads) {
    log::warning(fmt::format("{} threads share {} cores. Start mpirun with --bind-to none, or give each rank more cores.",
                             job.threads, available_threads()));
  }
}

}  // namespace

int run_job(JobSpec const& spec, RunSettings const& settings, Communicator const& comm) {
  auto const started = std::chrono::steady_clock::now();
  give_back_freed_memory();
  std::string state;
  comm.together([&] {
    if (settings.fresh) check_cube_place(spec.cube_path);
    state = settings.fresh ? "new" : cube_state(spec);
  });
  if (state == "finished") {
    log::info(fmt::format("{} is the finished cube of this job: nothing to do", spec.cube_path.string()));
    return 0;
  }
  auto const job = prepare_job(spec, comm);
  log_start(*job, comm);
  for (std::string const& line : split(plan_report(*job, state, comm.size()), '\n')) {
    if (!line.empty()) log::info(line);
  }

  auto const work = assign(job->plan, job->tile_cost, comm.size());
  std::vector<Unit> const& mine = work[static_cast<std::size_t>(comm.rank())];
  auto const layout = cube_layout(*job, settings);
  WorkDirectory const place(layout.path, comm);
  auto const writer = make_cube_writer(spec.writer, layout, place, comm);
  Timings timings;
  run_statistics(job->task, job->plan, mine, job->threads, comm);
  auto const result = run_units(job->task, job->plan, mine, {job->threads, job->memory.in_flight}, *writer, comm, timings);
  std::string const digest = writer->finish({result.units_done, job->plan.units()});
  double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  log_closing(result, seconds, timings, *job, comm);
  log::info(fmt::format("{} is complete, content digest {}", spec.cube_path.string(), digest));
  return 0;
}

}  // namespace stfcube
