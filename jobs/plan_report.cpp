#include "stfcube/jobs/plan_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "stfcube/models/pairs.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

/// Pixel values (pixels x bands x dates) per second and core that the estimate of the run time assumes. On the safe side of
/// what the window methods reach with everything included (docs/performance.md).
constexpr double assumed_rate = 4e6;

std::int64_t pixel_values(PreparedJob const& job) {
  return job.task.fine_grid.all().area() * static_cast<std::int64_t>(job.task.targets.size() * job.task.bands.size());
}

/// Uncompressed; deflate usually brings reflectance to 0.6 and the other layers far lower.
std::uint64_t cube_bytes(PreparedJob const& job) {
  auto const values = static_cast<std::uint64_t>(pixel_values(job));
  return values * (job.spec.uncertainty ? 4U : 2U) + values / job.task.bands.size();
}

double core_hours(PreparedJob const& job) { return static_cast<double>(pixel_values(job)) / assumed_rate / 3600; }

std::string sensor_line(PreparedSensor const& sensor) {
  auto const dates = sensor.reader->dates();
  auto const on_grid = std::ranges::count(sensor.headers, true, &SceneHeader::aligned);
  return fmt::format("{} scenes on {} dates, {} to {}; {}", sensor.headers.size(), dates.size(), to_string(dates.front()),
                     to_string(dates.back()),
                     on_grid == static_cast<long>(sensor.headers.size())
                         ? "on the grid"
                         : fmt::format("{} resampled ({})", static_cast<long>(sensor.headers.size()) - on_grid,
                                       sensor.catalog.sensor.resampling));
}

/// "2002-01-05  before 2001-11-25 (41 d)  after 2002-01-12 (7 d)"
std::string target_line(PreparedJob const& job, Date target) {
  std::string line = "  " + to_string(target);
  auto const order = pair_order(job.pairs, target, job.task.max_pair_gap_days);
  auto const side = [&](char const* name, std::vector<int> const& candidates) {
    if (candidates.empty()) {
      line += fmt::format("  {} none", name);
      return;
    }
    Date const date = job.pairs[static_cast<std::size_t>(candidates.front())].date;
    line += fmt::format("  {} {} ({} d, {} usable)", name, to_string(date), std::abs(date - target), candidates.size());
  };
  side("before", order.before);
  side("after", order.after);
  if (order.before.empty() || order.after.empty()) line += "  extrapolated";
  if (std::ranges::binary_search(job.without_coarse, target)) line += "  no coarse observation";
  return line + "\n";
}

int slurm_minutes(PreparedJob const& job, int ranks) {
  double const hours = core_hours(job) / (static_cast<double>(ranks) * job.threads);
  return std::max(10, static_cast<int>(std::ceil(hours * 60 * 1.5 / 10)) * 10);
}

}  // namespace

std::string plan_report(PreparedJob const& job, std::string const& state, int ranks) {
  FusionTask const& task = job.task;
  MemoryPlan const& memory = job.memory;
  std::string text;
  auto const line = [&](char const* name, std::string const& value) { text += fmt::format("{:<11}{}\n", name, value); };
  line("grid", describe(task.fine_grid));
  line("coarse", fmt::format("{} x {} cells of {} x {} fine pixels", task.coarse_grid.width, task.coarse_grid.height, task.ratio,
                             task.ratio));
  line("fine", sensor_line(job.fine));
  line("coarse", sensor_line(job.coarse));
  line("model", fmt::format("{} ({}), halo {} px", task.model->info().name, task.model->info().title,
                            task.model->info().support.halo_px));
  line("bands", fmt::format("{}", fmt::join(task.bands, " ")));
  line("targets", fmt::format("{} dates, {} to {}; {} pairs", task.targets.size(), to_string(task.targets.front()),
                              to_string(task.targets.back()), job.pairs.size()));
  for (Date target : task.targets) text += target_line(job, target);
  line("tiles", fmt::format("{} of {} x {} px ({} x {}), {} slabs of up to {} dates: {} units", job.plan.tiles.size(),
                            job.plan.tile_width, job.plan.tile_height, job.plan.columns, job.plan.rows, job.plan.slabs.size(),
                            memory.slab_dates, job.plan.units()));
  line("memory", fmt::format("{} per rank of {} ({}): {} units of {} in flight, caches {}", format_bytes(memory.total_bytes()),
                             format_bytes(job.budget.bytes), job.budget.source, memory.in_flight,
                             format_bytes(memory.unit_bytes), format_bytes(memory.block_cache_bytes + memory.raster_cache_bytes)));
  line("cost", fmt::format("{:.3g} million pixel values, about {:.2g} core hours; {} uncompressed",
                           static_cast<double>(pixel_values(job)) / 1e6, core_hours(job), format_bytes(cube_bytes(job))));
  line("cube", fmt::format("{} ({})", job.spec.cube_path.string(), state));
  line("slurm", fmt::format("--ntasks={} --cpus-per-task={} --mem-per-cpu={}M --time={}", ranks, job.threads,
                            static_cast<std::uint64_t>(std::ceil(static_cast<double>(memory.total_bytes()) * 1.2 /
                                                                 job.threads / (1 << 20))),
                            slurm_minutes(job, ranks)));
  return text;
}

std::string plan_json(PreparedJob const& job, std::string const& state, int ranks) {
  FusionTask const& task = job.task;
  nlohmann::json targets = nlohmann::json::array();
  for (Date target : task.targets) {
    auto const order = pair_order(job.pairs, target, task.max_pair_gap_days);
    auto const dates = [&](std::vector<int> const& candidates) {
      nlohmann::json list = nlohmann::json::array();
      for (int p : candidates) list.push_back(to_string(job.pairs[static_cast<std::size_t>(p)].date));
      return list;
    };
    targets.push_back({{"date", to_string(target)}, {"before", dates(order.before)}, {"after", dates(order.after)}});
  }
  nlohmann::json const json = {
      {"grid", {{"width", task.fine_grid.width}, {"height", task.fine_grid.height}, {"ratio", task.ratio},
                {"x0", task.fine_grid.x0}, {"y0", task.fine_grid.y0}, {"dx", task.fine_grid.dx}, {"dy", task.fine_grid.dy}}},
      {"model", task.model->info().name},
      {"bands", task.bands},
      {"targets", targets},
      {"tiles", job.plan.tiles.size()},
      {"slab_dates", job.memory.slab_dates},
      {"units", job.plan.units()},
      {"memory_bytes", job.memory.total_bytes()},
      {"budget_bytes", job.budget.bytes},
      {"pixel_values", pixel_values(job)},
      {"core_hours", core_hours(job)},
      {"cube", job.spec.cube_path.string()},
      {"state", state},
      {"ranks", ranks},
      {"threads", job.threads}};
  return json.dump(2) + "\n";
}

}  // namespace stfcube
