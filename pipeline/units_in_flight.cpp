#include "stfcube/pipeline/units_in_flight.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

namespace stfcube {

struct UnitsInFlight::State {
  FusionTask const& task;
  Plan const& plan;
  Timings& timings;
  // TBB keeps one thread for the caller; the owner writes, so one more is wanted for fusing.
  tbb::global_control control;
  tbb::task_arena arena;
  std::mutex mutex{};
  std::condition_variable changed{};
  int running = 0;
  std::deque<FinishedUnit> finished{};

  void work_on(Unit const& unit) {
    FinishedUnit one = {unit, {}, {}};
    try {
      one.result = fuse_unit(task, plan.tiles[static_cast<std::size_t>(unit.tile)],
                             plan.slabs[static_cast<std::size_t>(unit.slab)], timings);
      one.result->number = plan.unit_number(unit);
    } catch (...) {
      one.error = current_error().with("tile " + plan.tile_name(unit.tile));
    }
    std::lock_guard const lock(mutex);
    finished.push_back(std::move(one));
    --running;
    changed.notify_all();
  }
};

UnitsInFlight::UnitsInFlight(FusionTask const& task, Plan const& plan, int threads, Timings& timings)
    : state_(new State{
          .task = task,
          .plan = plan,
          .timings = timings,
          .control{tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads) + 1},
          .arena{threads, 0}}) {}

UnitsInFlight::~UnitsInFlight() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->running == 0; });
}

void UnitsInFlight::start(Unit const& unit) {
  {
    std::lock_guard const lock(state_->mutex);
    ++state_->running;
  }
  state_->arena.enqueue([state = state_.get(), unit] { state->work_on(unit); });
}

int UnitsInFlight::count() const {
  std::lock_guard const lock(state_->mutex);
  return state_->running + static_cast<int>(state_->finished.size());
}

std::optional<FinishedUnit> UnitsInFlight::take(std::chrono::milliseconds patience) {
  std::unique_lock lock(state_->mutex);
  if (!state_->changed.wait_for(lock, patience, [&] { return !state_->finished.empty(); }))
    return std::nullopt;
  FinishedUnit one = std::move(state_->finished.front());
  state_->finished.pop_front();
  return one;
}

}  // namespace stfcube
