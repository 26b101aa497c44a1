#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace stfcube {

/// What a rank may take, and where that number came from (for the log).
struct MemoryBudget {
  std::uint64_t bytes = 0;
  std::string source;
};

/// The smallest of: `asked_bytes` (0: not asked), Slurm's memory per node / ranks on it or per core x cores, the control
/// group's limit and the node's physical memory / ranks on it. What was asked is taken whole, of the others 85 %.
MemoryBudget memory_budget(std::uint64_t asked_bytes, int ranks_on_node);

/// How a budget is spent.
struct MemoryPlan {
  int slab_dates = 1;
  int in_flight = 1;
  std::uint64_t unit_bytes = 0;          ///< of the largest unit
  std::uint64_t block_cache_bytes = 0;   ///< decoded blocks of both sensors
  std::uint64_t raster_cache_bytes = 0;  ///< the raster library's own
  std::uint64_t total_bytes() const;
};

/// Memory a rank has beside its units and caches: program, libraries, catalogue, open files, the writer's buffers.
inline constexpr std::uint64_t base_memory_bytes = std::uint64_t{288} << 20;

/// Makes the process give large blocks back as soon as they are freed, instead of keeping them in pieces for later: what is
/// planned is then what it holds. To be called before the first unit.
void give_back_freed_memory();

/// Chooses slab and units in flight for a budget: the longest slab first (it shares most work), at least two units in flight
/// where they fit, more with more threads.
/// @param unit_bytes   bytes of the largest unit for a slab of that many dates; grows with the slab
/// @param slab_dates   asked for, 0 = from the budget
/// @param chunk_dates  slabs are multiples of this
/// @throws Error(resource) when not even the smallest slab fits, saying how much is needed and which keys help
MemoryPlan plan_memory(MemoryBudget const& budget, std::function<std::uint64_t(int)> const& unit_bytes, int slab_dates,
                       int chunk_dates, int targets, int threads);

/// Largest resident size of this process so far, bytes.
std::uint64_t peak_memory_bytes();

}  // namespace stfcube
