#include "stfcube/pipeline/tile_pipeline.hpp"

#include <fmt/format.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>

#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/pipeline/progress.hpp"

namespace stfcube {
namespace {

std::int64_t pixel_values(FusionTask const& task, Rect const& px, int dates) {
  return px.area() * dates * static_cast<std::int64_t>(task.bands.size());
}

/// The units of one rank on their way through reading and fusing, at most `in_flight` at once. The owner takes finished
/// ones out; work goes on in the arena meanwhile.
class UnitsInFlight {
 public:
  UnitsInFlight(FusionTask const& task, Plan const& plan, std::vector<Unit> const& units,
                PipelineSettings const& settings, Timings& timings)
      // TBB keeps one thread for the caller; the caller writes, so one more is wanted for fusing.
      : control_(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(settings.threads) + 1),
        arena_(settings.threads, 0),
        task_(task), plan_(plan), units_(units), timings_(timings) {
    for (int i = 0; i < settings.in_flight; ++i) start_next();
  }

  /// Work that has begun is finished (its result is dropped); nothing new begins.
  ~UnitsInFlight() {
    std::unique_lock lock(mutex_);
    next_ = units_.size();
    changed_.wait(lock, [&] { return running_ == 0; });
  }

  UnitsInFlight(UnitsInFlight const&) = delete;
  UnitsInFlight& operator=(UnitsInFlight const&) = delete;

  /// Waits for the next finished unit; nothing when all have been taken. @throws Error when a unit failed
  std::optional<CubeUnit> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !finished_.empty() || failed_ || running_ == 0; });
    if (failed_) throw *failed_;
    if (finished_.empty()) return std::nullopt;
    CubeUnit unit = std::move(finished_.front());
    finished_.pop_front();
    return unit;
  }

  /// The unit last taken is written and gone: another may begin.
  void start_next() {
    std::size_t index = 0;
    {
      std::lock_guard const lock(mutex_);
      if (next_ >= units_.size() || failed_) return;
      index = next_++;
      ++running_;
    }
    arena_.enqueue([this, index] { work_on(units_[index]); });
  }

 private:
  void work_on(Unit const& unit) {
    std::optional<CubeUnit> result;
    std::optional<Error> error;
    try {
      result = fuse_unit(task_, plan_.tiles[static_cast<std::size_t>(unit.tile)],
                         plan_.slabs[static_cast<std::size_t>(unit.slab)], timings_);
    } catch (...) {
      error = current_error().with("tile " + plan_.tile_name(unit.tile));
    }
    std::lock_guard const lock(mutex_);
    if (result) finished_.push_back(std::move(*result));
    if (error && !failed_) failed_ = std::move(error);
    --running_;
    changed_.notify_all();
  }

  tbb::global_control control_;
  tbb::task_arena arena_;
  FusionTask const& task_;
  Plan const& plan_;
  std::vector<Unit> const& units_;
  Timings& timings_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  int running_ = 0;
  std::deque<CubeUnit> finished_;
  std::optional<Error> failed_;
};

}  // namespace

void run_statistics(FusionTask const& task, Plan const& plan, std::vector<Unit> const& my_units, int threads,
                    Communicator const& comm) {
  if (!task.model->wants_statistics()) return;
  std::set<int> tiles;
  for (Unit const& unit : my_units) tiles.insert(unit.tile);
  std::vector<int> const mine(tiles.begin(), tiles.end());

  Statistics statistics;
  comm.together([&] {
    std::mutex mutex;
    with_threads(threads, [&] {
      parallel_for(0, static_cast<int>(mine.size()), [&](int i) {
        Statistics of_tile;
        observe_tile(task, plan.tiles[static_cast<std::size_t>(mine[static_cast<std::size_t>(i)])], of_tile);
        std::lock_guard const lock(mutex);
        statistics.merge(of_tile);
      });
    });
  });
  Statistics all;
  for (std::string const& bytes : comm.all_gather(statistics.pack())) all.merge(Statistics::unpack(bytes));
  comm.together([&] { task.model->prepare(all); });
}

PipelineResult run_units(FusionTask const& task, Plan const& plan, std::vector<Unit> const& my_units,
                         PipelineSettings const& settings, CubeWriter& writer, Communicator const& comm,
                         Timings& timings) {
  Progress progress(plan.units(), pixel_values(task, task.fine_grid.all(), static_cast<int>(task.targets.size())),
                    comm.is_root());
  UnitsInFlight in_flight(task, plan, my_units, settings, timings);
  PipelineResult result;
  for (;;) {
    std::optional<CubeUnit> unit;
    {
      Stopwatch const watch(timings.wait_ns);
      comm.together([&] { unit = in_flight.take(); });
    }
    std::array<std::int64_t, 2> done = {unit ? 1 : 0, unit ? pixel_values(task, unit->px, unit->dn.dates()) : 0};
    comm.sum(done);
    if (done[0] == 0) break;
    {
      Stopwatch const watch(timings.write_ns);
      writer.write(unit ? &*unit : nullptr, {});
    }
    unit.reset();
    in_flight.start_next();
    result.units_done += static_cast<std::size_t>(done[0]);
    result.pixel_values += done[1];
    progress.update(result.units_done, result.pixel_values);
  }
  progress.end();
  return result;
}

}  // namespace stfcube
