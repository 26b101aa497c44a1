#include "stfcube/jobs/prepared_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/jobs/job_inputs.hpp"
#include "stfcube/jobs/run_records.hpp"
#include "stfcube/jobs/scene_faults.hpp"
#include "stfcube/jobs/target_dates.hpp"
#include "stfcube/jobs/target_grid.hpp"
#include "stfcube/partitioning/core/build_info.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

// Small against a tile, so that a halo does not bring many pixels that nobody asked for.
constexpr int fine_block_px = 128;
constexpr int coarse_block_px = 64;

nlohmann::json to_json(SceneHeader const& header) {
  Grid const& g = header.grid;
  Rect const& f = header.footprint_px;
  return {g.crs_wkt, g.x0, g.y0, g.dx, g.dy, g.width, g.height, g.geographic, g.metres_per_unit,
          f.x, f.y, f.width, f.height, header.aligned};
}

SceneHeader header_from(nlohmann::json const& j) {
  SceneHeader header;
  header.grid = {.crs_wkt = j[0], .x0 = j[1], .y0 = j[2], .dx = j[3], .dy = j[4], .width = j[5], .height = j[6],
                 .geographic = j[7], .metres_per_unit = j[8]};
  header.footprint_px = {j[9], j[10], j[11], j[12]};
  header.aligned = j[13];
  return header;
}

/// Ends on every rank with the faults that all ranks found, in the order of the scenes.
void refuse_faults(Catalog const& catalog, std::vector<int> const& mine, std::vector<std::optional<Error>> const& faults,
                   Communicator const& comm) {
  nlohmann::json own = nlohmann::json::array();
  for (std::size_t k = 0; k < mine.size(); ++k) {
    if (faults[k]) own.push_back({mine[k], static_cast<int>(faults[k]->kind()), faults[k]->what()});
  }
  std::vector<SceneFault> all;
  // Paths need not be UTF-8, JSON must be.
  for (std::string const& bytes : comm.all_gather(own.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))) {
    for (auto const& j : nlohmann::json::parse(bytes)) {
      auto const& scene = catalog.scenes[j[0].get<std::size_t>()];
      all.push_back({j[0], static_cast<ErrorKind>(j[1].get<int>()), scene.bands.front().path, j[2]});
    }
  }
  std::ranges::sort(all, {}, &SceneFault::scene);
  comm.together([&] {
    if (!all.empty()) throw Error(all.front().kind, describe_faults(all, catalog.sensor.role));
  });
}

/// Checks every scene once, each on one rank, and gives all headers to all ranks. Every fault is named, not the first alone.
std::vector<SceneHeader> check_scenes(Catalog const& catalog, Grid const& grid, int threads, Communicator const& comm) {
  std::vector<int> mine;
  for (int i = comm.rank(); i < static_cast<int>(catalog.scenes.size()); i += comm.size()) mine.push_back(i);
  std::vector<std::string> packed(mine.size());
  std::vector<std::optional<Error>> faults(mine.size());
  with_threads(threads, [&] {
    parallel_for(0, static_cast<int>(mine.size()), [&](int k) {
      auto const slot = static_cast<std::size_t>(k);
      try {
        auto const& scene = catalog.scenes[static_cast<std::size_t>(mine[slot])];
        packed[slot] = to_json(check_scene(scene, catalog.sensor, grid)).dump();
      } catch (...) {
        faults[slot] = current_error();
      }
    });
  });
  refuse_faults(catalog, mine, faults, comm);
  nlohmann::json own = nlohmann::json::array();
  for (std::size_t k = 0; k < mine.size(); ++k) own.push_back({mine[k], nlohmann::json::parse(packed[k])});
  std::vector<SceneHeader> headers(catalog.scenes.size());
  for (std::string const& bytes : comm.all_gather(own.dump())) {
    for (auto const& entry : nlohmann::json::parse(bytes)) headers[entry[0].get<std::size_t>()] = header_from(entry[1]);
  }
  return headers;
}

void prepare_sensor(PreparedSensor& sensor, Grid const& grid, PreparedJob const& job, Communicator const& comm) {
  sensor.headers = check_scenes(sensor.catalog, grid, job.threads, comm);
  comm.together([&] {
    sensor.reader = make_observation_reader(sensor.catalog, sensor.headers, grid, job.spec.quantity);
  });
  std::size_t const aligned = static_cast<std::size_t>(std::ranges::count(sensor.headers, true, &SceneHeader::aligned));
  log::info(fmt::format("{}: {} scenes, {} dates, {} on the grid{}", sensor.catalog.sensor.role,
                        sensor.catalog.scenes.size(), sensor.reader->dates().size(), aligned,
                        aligned == sensor.headers.size()
                            ? std::string()
                            : fmt::format(", {} resampled ({})", sensor.headers.size() - aligned,
                                          sensor.catalog.sensor.resampling)));
}

/// Every target date must have something to start from.
void check_targets(PreparedJob& job) {
  FusionTask const& task = job.task;
  require(!task.targets.empty(), ErrorKind::data,
          fmt::format("target.dates = {} gives no date. Check the interval against the dates of the archive.",
                      job.spec.target_dates));
  auto const coarse_dates = job.coarse.reader->dates();
  auto const fine_dates = job.fine.reader->dates();
  bool const pairs_needed = task.model->info().pairs_needed > 0;
  std::vector<std::string> alone;
  for (Date target : task.targets) {
    bool const usable =
        pairs_needed
            ? [&] {
                auto const order = pair_order(job.pairs, target, task.max_pair_gap_days);
                return !order.before.empty() || !order.after.empty();
              }()
            : std::ranges::any_of(fine_dates, [&](Date d) { return std::abs(d - target) <= task.max_pair_gap_days; });
    if (!usable) alone.push_back(to_string(target));
    bool const seen = std::ranges::any_of(
        coarse_dates, [&](Date d) { return std::abs(d - target) <= task.model->info().coarse_reach_days; });
    if (task.model->info().needs_coarse && !seen) {
      job.without_coarse.push_back(target);
    }
  }
  require(alone.empty(), ErrorKind::data,
          fmt::format("{} of {} target dates have no {} within model.max_pair_gap = {} days: {}{}. Give scenes nearer to "
                      "them, raise model.max_pair_gap{}, or leave the dates out.",
                      alone.size(), task.targets.size(), pairs_needed ? "pair of fine and coarse scenes" : "fine scene",
                      task.max_pair_gap_days, fmt::join(alone.begin(), alone.begin() + static_cast<long>(std::min<std::size_t>(alone.size(), 5)), " "),
                      alone.size() > 5 ? " ..." : "", pairs_needed ? " or model.pair_tolerance" : ""));
  if (job.without_coarse.empty()) return;
  std::string const text = fmt::format("{} of {} target dates have no coarse observation (first: {})",
                                       job.without_coarse.size(), task.targets.size(), to_string(job.without_coarse.front()));
  require(job.spec.gap_fill, ErrorKind::data,
          text + fmt::format(", which {} needs. Use target.dates = coarse, or model.gap_fill = linear.", task.model->info().name));
  log::warning(text + "; they are filled in time and flagged gap_filled");
}

/// Tiles where no scene has a footprint cost next to nothing.
std::vector<double> tile_costs(PreparedJob const& job) {
  std::vector<double> costs;
  auto const& headers = job.fine.headers;
  for (Rect const& tile : job.plan.tiles) {
    std::int64_t covered = 0;
    for (auto const& header : headers) covered += intersect(header.footprint_px, tile).area();
    double const share = static_cast<double>(covered) / (static_cast<double>(tile.area()) * static_cast<double>(headers.size()));
    costs.push_back(static_cast<double>(tile.area()) * (0.05 + 0.95 * share));
  }
  return costs;
}

/// All observations of both sensors, decoded: more the caches cannot hold.
std::uint64_t decoded_bytes(PreparedJob const& job) {
  auto const bytes = [&](Grid const& grid, PreparedSensor const& sensor) {
    return static_cast<std::uint64_t>(grid.all().area()) * sensor.reader->dates().size() * job.task.bands.size() * sizeof(Dn);
  };
  return bytes(job.task.fine_grid, job.fine) + bytes(job.task.coarse_grid, job.coarse);
}

/// A cube that was started keeps its tiles and slabs, which must fit the memory of today.
MemoryPlan memory_of_started(PreparedJob const& job, StartedRun const& started,
                             std::function<std::uint64_t(int)> const& unit_bytes, int chunk_dates, int targets) {
  try {
    return plan_memory(job.budget, unit_bytes, started.slab_dates, chunk_dates, targets, job.threads);
  } catch (Error const& error) {
    throw error.with(fmt::format("{} was started with tiles of {} px and {} target dates at a time (more memory, or --fresh)",
                                 job.spec.cube_path.string(), started.tile_px, started.slab_dates));
  }
}

/// A chunk is compressed, stored and checked as one piece.
void check_chunk(PreparedJob const& job) {
  constexpr std::uint64_t most = std::uint64_t{1} << 30;
  std::array<std::size_t, 4> const cube = {job.task.targets.size(), job.task.bands.size(),
                                           static_cast<std::size_t>(job.task.fine_grid.height),
                                           static_cast<std::size_t>(job.task.fine_grid.width)};
  std::uint64_t bytes = sizeof(Dn);
  for (std::size_t axis = 0; axis < 4; ++axis) bytes *= std::min(static_cast<std::size_t>(job.spec.chunk[axis]), cube[axis]);
  require(bytes <= most, ErrorKind::config,
          fmt::format("cube.chunk = {}: one chunk would have {}, at most {} are possible. The default, 1 1 256 256, has 128 KiB.",
                      fmt::join(job.spec.chunk, " "), format_bytes(bytes), format_bytes(most)));
}

void plan_work(PreparedJob& job, std::optional<StartedRun> const& started, Communicator const& comm) {
  FusionTask& task = job.task;
  int const targets = static_cast<int>(task.targets.size());
  int const chunk_dates = std::min(job.spec.chunk[0], targets);
  PlanSettings settings{.tile_px = started ? started->tile_px : job.spec.tile_px,
                        .chunk_y = std::min(job.spec.chunk[2], task.fine_grid.height),
                        .chunk_x = std::min(job.spec.chunk[3], task.fine_grid.width),
                        .chunk_t = chunk_dates,
                        .lattice_px = task.model->info().support.lattice_px,
                        .slab_dates = 1};
  Plan const first = make_plan(task.fine_grid, targets, settings);
  job.budget = memory_budget(job.spec.memory_bytes, comm.node_size());
  // The last row and column may be cut, the outer ones have less halo.
  Rect const largest =
      *std::ranges::max_element(first.tiles, {}, [&](Rect const& tile) { return padded_tile(task, tile).area(); });
  auto const bytes = [&](int dates) {
    std::uint64_t most = 0;
    for (int start = 0; start < targets; start += dates) {
      most = std::max(most, unit_bytes(task, largest, {start, std::min(dates, targets - start)}, job.threads));
    }
    return most;
  };
  job.memory = started ? memory_of_started(job, *started, bytes, chunk_dates, targets)
                       : plan_memory(job.budget, bytes, job.spec.slab_dates, chunk_dates, targets, job.threads);
  job.memory.block_cache_bytes = std::min(job.memory.block_cache_bytes, decoded_bytes(job));
  settings.slab_dates = job.memory.slab_dates;
  job.plan = make_plan(task.fine_grid, targets, settings);
  job.tile_cost = tile_costs(job);
}

void open_caches(PreparedJob& job) {
  int const bands = static_cast<int>(job.spec.bands.size());
  auto& task = job.task;
  job.fine.cache = std::make_unique<BlockCache>(*job.fine.reader, task.fine_grid.all(), bands, fine_block_px,
                                                job.memory.block_cache_bytes / 4 * 3);
  job.coarse.cache = std::make_unique<BlockCache>(*job.coarse.reader, task.coarse_grid.all(), bands, coarse_block_px,
                                                  job.memory.block_cache_bytes / 4);
  task.fine = job.fine.cache.get();
  task.coarse = job.coarse.cache.get();
  set_raster_cache_bytes(job.memory.raster_cache_bytes);
}

void open_maps(PreparedJob& job) {
  auto const open = [&](std::filesystem::path const& path, std::string const& key) {
    return path.empty() ? nullptr : open_label_map(path, job.task.fine_grid, key);
  };
  job.classes = open(job.spec.class_map, "model.class_map");
  job.objects = open(job.spec.object_map, "model.object_map");
  job.task.classes = job.classes.get();
  job.task.objects = job.objects.get();
}

void make_models(PreparedJob& job) {
  ModelSettings const settings = model_settings(job);
  job.model = make_model(job.spec.model_name, settings);
  if (job.spec.gap_fill && job.spec.model_name != "linear") job.gap_filler = make_model("linear", settings);
  job.task.model = job.model.get();
  job.task.gap_filler = job.gap_filler.get();
}

void same_job_everywhere(JobSpec const& spec, Communicator const& comm) {
  for (std::string const& other : comm.all_gather(spec.text + version_described())) {
    require(other == spec.text + version_described(), ErrorKind::config,
            "ranks have different job files or versions of stfcube. Start all ranks with the same command on the same file "
            "system.");
  }
}

void check_compression(JobSpec const& spec, bool is_root) {
  require(has_filter(spec.compression), ErrorKind::config,
          "cube.compression = zstd needs a plugin of HDF5's (filter 32015), which is not there. Install it (hdf5plugin of PyPI "
          "and conda-forge holds it) and set HDF5_PLUGIN_PATH to its folder, or take deflate:1, which every reader has.");
  if (is_root && spec.compression.coder == Coder::zstd) {
    log::warning("cube.compression = zstd: whoever reads the cube needs the plugin, too (HDF5's filter 32015; docs/chunks.md)");
  }
}

}  // namespace

std::unique_ptr<PreparedJob> prepare_job(JobSpec const& spec, std::optional<StartedRun> const& started,
                                         Communicator const& comm) {
  same_job_everywhere(spec, comm);
  comm.together([&] { check_compression(spec, comm.is_root()); });
  auto job = std::make_unique<PreparedJob>();
  job->spec = spec;
  job->threads = spec.threads > 0 ? spec.threads : threads_per_rank(comm.node_size());
  FusionTask& task = job->task;
  comm.together([&] {
    task.fine_grid = resolve_grid(spec.grid);
    job->fine.catalog = find_scenes(spec.fine);
    job->coarse.catalog = find_scenes(spec.coarse);
    // Without grid.ratio the first coarse scene gives it; its own grid is all that is asked for here.
    task.ratio = spec.grid.ratio ? *spec.grid.ratio
                                 : resolve_ratio(spec.grid, task.fine_grid,
                                                 check_scene(job->coarse.catalog.scenes.front(), spec.coarse, task.fine_grid).grid);
    task.coarse_grid = coarse_grid(task.fine_grid, task.ratio);
    task.bands = spec.bands;
    task.quantity = spec.quantity;
    task.max_pair_gap_days = spec.max_pair_gap_days;
    task.pair_tolerance_days = spec.pair_tolerance_days;
    task.uncertainty = spec.uncertainty;
    open_maps(*job);
    make_models(*job);
  });
  prepare_sensor(job->fine, task.fine_grid, *job, comm);
  prepare_sensor(job->coarse, task.coarse_grid, *job, comm);
  comm.together([&] {
    task.targets = resolve_target_dates(spec.target_dates, job->fine.reader->dates(), job->coarse.reader->dates());
    job->pairs = find_pairs(job->fine.reader->dates(), job->coarse.reader->dates(), spec.pair_tolerance_days);
    check_targets(*job);
    check_chunk(*job);
  });
  // Memory planning asks the caches for dates only, so they may exist before their size is known.
  open_caches(*job);
  comm.together([&] { plan_work(*job, started, comm); });
  open_caches(*job);
  job->inputs = input_records(job->fine.catalog, job->coarse.catalog, {spec.class_map, spec.object_map}, spec.folder);
  if (!spec.weights.empty()) job->inputs.push_back(weights_record(spec.weights, spec.folder));
  comm.together([&] {
    if (!started || !comm.is_root()) return;
    bool const repaired = !noted_failures(work_directory_of(spec.cube_path)).empty();
    check_same_inputs(*started, input_lines(job->inputs, spec.folder), repaired);
  });
  return job;
}

ModelSettings model_settings(PreparedJob const& job) {
  return {.bands = job.spec.bands,
          .quantity = job.spec.quantity,
          .ratio = job.task.ratio,
          .max_pair_gap_days = job.spec.max_pair_gap_days,
          .pair_tolerance_days = job.spec.pair_tolerance_days,
          .zone_px = job.spec.zone_px,
          .class_map = job.classes != nullptr,
          .object_map = job.objects != nullptr,
          .weights = job.spec.weights,
          .options = job.spec.model_options};
}

}  // namespace stfcube
