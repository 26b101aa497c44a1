#include "stfcube/pipeline/memory_budget.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t least_cache_bytes = 16 * mebibyte;

std::optional<std::uint64_t> number_in_file(char const* path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

/// Slurm gives megabytes.
std::optional<std::uint64_t> slurm_mebibytes(char const* name) {
  char const* text = std::getenv(name);
  if (!text) return std::nullopt;
  auto const value = parse_integer(text);
  if (!value || *value <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value) * mebibyte;
}

/// The writer holds a compressed and an uncompressed copy of one unit's chunks while a collective write runs.
std::uint64_t bytes_in_flight(std::uint64_t unit, int units) { return unit * static_cast<std::uint64_t>(units) + unit / 2; }

int rounded_slab(int dates, int chunk_dates, int targets) {
  return std::min((dates + chunk_dates - 1) / chunk_dates * chunk_dates,
                  (targets + chunk_dates - 1) / chunk_dates * chunk_dates);
}

}  // namespace

MemoryBudget memory_budget(std::uint64_t asked_bytes, int ranks_on_node) {
  if (asked_bytes > 0) return {asked_bytes, "run.memory"};
  auto const ranks = static_cast<std::uint64_t>(std::max(1, ranks_on_node));
  MemoryBudget best{static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / ranks,
                    "physical memory / ranks on the node"};
  auto const offer = [&](std::optional<std::uint64_t> bytes, char const* source) {
    if (bytes && *bytes < best.bytes) best = {*bytes, source};
  };
  auto const shared = [&](std::optional<std::uint64_t> bytes) { return bytes ? std::optional(*bytes / ranks) : bytes; };
  offer(shared(number_in_file("/sys/fs/cgroup/memory.max")), "control group / ranks on the node");
  offer(shared(number_in_file("/sys/fs/cgroup/memory/memory.limit_in_bytes")), "control group / ranks on the node");
  offer(shared(slurm_mebibytes("SLURM_MEM_PER_NODE")), "SLURM_MEM_PER_NODE / ranks on the node");
  if (auto const per_core = slurm_mebibytes("SLURM_MEM_PER_CPU")) {
    offer(*per_core * static_cast<std::uint64_t>(available_threads()), "SLURM_MEM_PER_CPU x cores");
  }
  best.bytes = best.bytes / 100 * 85;
  return best;
}

std::uint64_t MemoryPlan::total_bytes() const {
  return base_memory_bytes + block_cache_bytes + raster_cache_bytes + bytes_in_flight(unit_bytes, in_flight);
}

MemoryPlan plan_memory(MemoryBudget const& budget, std::function<std::uint64_t(int)> const& unit_bytes, int slab_dates,
                       int chunk_dates, int targets, int threads) {
  MemoryPlan plan;
  plan.raster_cache_bytes = std::clamp(budget.bytes / 20, least_cache_bytes, 1024 * mebibyte);
  plan.block_cache_bytes = std::clamp(budget.bytes / 8, least_cache_bytes, 8192 * mebibyte);
  int const most_in_flight = threads + 1;
  int const first = rounded_slab(slab_dates > 0 ? slab_dates : targets, chunk_dates, targets);
  int const last = slab_dates > 0 ? first : chunk_dates;
  // The longest slab first; for one slab, as many units in flight as fit. Two in flight keep reading and fusing apart, so a
  // shorter slab is taken before only one fits.
  for (int least_in_flight : {2, 1}) {
    for (int dates = first;; dates = rounded_slab(std::max(dates / 2, 1), chunk_dates, targets)) {
      plan.slab_dates = dates;
      plan.unit_bytes = unit_bytes(std::min(dates, targets));
      for (plan.in_flight = most_in_flight; plan.in_flight >= least_in_flight; --plan.in_flight) {
        if (plan.total_bytes() <= budget.bytes) return plan;
      }
      if (dates <= last) break;
    }
  }
  // The last resort are the smallest caches: what the message says is needed is then enough.
  plan.raster_cache_bytes = plan.block_cache_bytes = least_cache_bytes;
  plan.in_flight = 1;
  if (plan.total_bytes() <= budget.bytes) return plan;
  // Where the program alone needs more than there is, no tile is small enough.
  bool const tile_decides = plan.total_bytes() - bytes_in_flight(plan.unit_bytes, 1) < budget.bytes;
  std::string const lower = slab_dates > chunk_dates
                                ? "Set run.tile or run.slab lower, or give"
                                : "Set run.tile or cube.chunk lower (tiles and slabs are whole chunks), or give";
  throw Error(ErrorKind::resource,
              fmt::format("one tile of {} target date(s) needs {} per rank, but only {} are there ({}). {} each rank more "
                          "memory (run.memory, or Slurm's --mem).",
                          plan.slab_dates, format_bytes(plan.total_bytes()), format_bytes(budget.bytes), budget.source,
                          tile_decides ? lower : "Give"));
}

void give_back_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace stfcube
