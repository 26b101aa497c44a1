#include "stfcube/partitioning/threads/parallel_for.hpp"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/version.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>

namespace stfcube {

void parallel_for(int first, int last, std::function<void(int)> const& body) {
  if (first >= last) return;
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(
        tbb::blocked_range<int>(first, last, 1),
        [&](tbb::blocked_range<int> const& range) {
          for (int i = range.begin(); i != range.end(); ++i) body(i);
        },
        tbb::simple_partitioner());
  });
}

void with_threads(int threads, std::function<void()> const& body) {
  tbb::task_arena arena(std::max(1, threads));
  arena.execute(body);
}

int available_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return tbb::info::default_concurrency();
}

int threads_per_rank(int ranks_on_node) {
  int const mine = available_threads();
  long const online = sysconf(_SC_NPROCESSORS_ONLN);
  bool const shared = static_cast<long>(mine) * ranks_on_node > online;
  return shared ? std::max(1, mine / std::max(1, ranks_on_node)) : mine;
}

std::string threading_version() {
  return std::to_string(TBB_VERSION_MAJOR) + "." + std::to_string(TBB_VERSION_MINOR);
}

}  // namespace stfcube
