#include "stfcube/pipeline/tile_pipeline.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "stfcube/models/pair_residuals.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/stop_request.hpp"
#include "stfcube/partitioning/mpi/session.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/pipeline/units_in_flight.hpp"

namespace stfcube {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds look_around{100};
constexpr std::chrono::seconds look_at_others{5};

std::int64_t pixel_values(FusionTask const& task, CubeUnit const& unit) {
  return unit.px.area() * unit.dn.dates() * static_cast<std::int64_t>(task.bands.size());
}

/// Whether the fault lies in this unit's input, so that other units may do well.
bool concerns_the_unit_alone(Error const& error) {
  return error.kind() == ErrorKind::data || error.kind() == ErrorKind::model;
}

/// The time that units in flight have after a request to stop.
class GracePeriod {
 public:
  explicit GracePeriod(std::chrono::seconds grace) : grace_(grace) {}

  void begin() {
    if (!since_) since_ = steady_clock::now();
  }
  bool has_begun() const { return since_.has_value(); }

  /// Ends the process, and with it the run, when units in flight take too long.
  void give_up_when_late(int in_flight) const {
    if (!since_ || steady_clock::now() - *since_ < grace_) return;
    log::warning(fmt::format(
        "{} units were not through {} s after the request to stop (run.grace); they are given up. Run "
        "the same command again to continue.",
        in_flight, grace_.count()));
    Session::abort(stopped_status);
  }

 private:
  std::chrono::seconds grace_;
  std::optional<steady_clock::time_point> since_;
};

/// One rank's part of a run whose writer needs no other rank.
class UnitLoop {
 public:
  UnitLoop(FusionTask const& task, Plan const& plan, PipelineSettings const& settings, CubeWriter& writer,
           Dispatch& dispatch, Timings& timings)
      : task_(task),
        settings_(settings),
        writer_(writer),
        dispatch_(dispatch),
        timings_(timings),
        extents_([this](std::uint64_t bytes) { return dispatch_.extent(bytes); }),
        grace_(settings.grace),
        in_flight_(task, plan, settings.threads, timings) {}

  void run() {
    for (;;) {
      look_for_stop();
      fill();
      if (in_flight_.count() == 0) return;
      if (auto one = take()) finish(std::move(*one));
    }
  }

 private:
  void look_for_stop() {
    if (grace_.has_begun()) return;
    if (stop_requested()) dispatch_.stop();
    // Other ranks may have been asked: rank 0 knows, and is not to be asked too often.
    bool const look = stop_requested() || steady_clock::now() - last_look_ > look_at_others;
    if (look) last_look_ = steady_clock::now();
    if (look && dispatch_.stopping()) grace_.begin();
  }

  void fill() {
    while (more_ && in_flight_.count() < settings_.in_flight) {
      auto const unit = dispatch_.next();
      if (unit) in_flight_.start(*unit);
      more_ = unit.has_value();
    }
  }

  std::optional<FinishedUnit> take() {
    Stopwatch const watch(timings_.wait_ns);
    auto one = in_flight_.take(look_around);
    if (!one) grace_.give_up_when_late(in_flight_.count());
    return one;
  }

  void finish(FinishedUnit one) {
    if (one.error) {
      if (!concerns_the_unit_alone(*one.error)) throw *one.error;
      dispatch_.failed(one.unit, *one.error);
      more_ = true;  // it may come back
      return;
    }
    {
      Stopwatch const watch(timings_.write_ns);
      writer_.write(&*one.result, extents_);
    }
    dispatch_.done(one.unit, pixel_values(task_, *one.result));
  }

  FusionTask const& task_;
  PipelineSettings const& settings_;
  CubeWriter& writer_;
  Dispatch& dispatch_;
  Timings& timings_;
  Extents extents_;
  GracePeriod grace_;
  UnitsInFlight in_flight_;
  bool more_ = true;
  steady_clock::time_point last_look_ = steady_clock::now();
};

RunOutcome run_handed_out(FusionTask const& task, Plan const& plan,
                          std::vector<std::vector<Unit>> const& work, PipelineSettings const& settings,
                          CubeWriter& writer, Communicator const& comm, Timings& timings,
                          RunObserver* observer) {
  Dispatch dispatch(comm, work, {writer.first_extent(), settings.end}, observer);
  try {
    UnitLoop(task, plan, settings, writer, dispatch, timings).run();
  } catch (...) {
    dispatch.give_up(current_error());
  }
  return dispatch.close();
}

/// One rank's part of a run whose writer is collective.
class RoundLoop {
 public:
  RoundLoop(FusionTask const& task, Plan const& plan, std::vector<Unit> const& my_units,
            PipelineSettings const& settings, Timings& timings)
      : units_(my_units),
        settings_(settings),
        grace_(settings.grace),
        in_flight_(task, plan, settings.threads, timings) {}

  /// The next finished unit; nothing when there is none any more. @throws Error that ends the run
  std::optional<CubeUnit> next() {
    for (;;) {
      while (next_ < units_.size() && in_flight_.count() < settings_.in_flight && !stop_requested()) {
        in_flight_.start(units_[next_++]);
      }
      if (in_flight_.count() == 0) return std::nullopt;
      auto one = in_flight_.take(look_around);
      if (stop_requested()) grace_.begin();
      if (!one) {
        grace_.give_up_when_late(in_flight_.count());
      } else if (one->result) {
        return std::move(one->result);
      } else if (!concerns_the_unit_alone(*one->error)) {
        throw *one->error;
      } else {
        try_again(*one);
      }
    }
  }

  std::vector<FailedUnit> const& failed() const { return failed_; }
  bool stopped() const { return next_ < units_.size(); }

 private:
  void try_again(FinishedUnit const& one) {
    if (tried_.insert(one.unit).second) {
      in_flight_.start(one.unit);
    } else {
      failed_.push_back({one.unit, Dispatch::most_attempts, one.error->what()});
    }
  }

  std::vector<Unit> const& units_;
  PipelineSettings const& settings_;
  GracePeriod grace_;
  std::size_t next_ = 0;
  std::set<Unit> tried_;
  std::vector<FailedUnit> failed_;
  UnitsInFlight in_flight_;
};

std::vector<FailedUnit> failed_on_all(std::vector<FailedUnit> const& mine, Communicator const& comm) {
  std::string text;
  for (FailedUnit const& one : mine) text += pack(one);
  std::vector<FailedUnit> all;
  for (std::string const& of_rank : comm.all_gather(text)) {
    auto const some = unpack_failed_units(of_rank);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::ranges::sort(all, {}, &FailedUnit::unit);
  return all;
}

RunOutcome run_in_rounds(FusionTask const& task, Plan const& plan, std::vector<Unit> const& my_units,
                         PipelineSettings const& settings, CubeWriter& writer, Communicator const& comm,
                         Timings& timings, RunObserver* observer) {
  RoundLoop loop(task, plan, my_units, settings, timings);
  RunOutcome outcome;
  for (;;) {
    std::optional<CubeUnit> unit;
    {
      Stopwatch const watch(timings.wait_ns);
      comm.together([&] { unit = loop.next(); });
    }
    std::array<std::int64_t, 3> done = {unit ? 1 : 0, unit ? pixel_values(task, *unit) : 0,
                                        stop_requested() ? 1 : 0};
    comm.sum(done);
    if (done[2] > 0) request_stop();
    if (done[0] == 0) break;
    {
      Stopwatch const watch(timings.write_ns);
      writer.write(unit ? &*unit : nullptr, {});
    }
    outcome.done.units_done += static_cast<std::size_t>(done[0]);
    outcome.done.pixel_values += done[1];
    if (observer && comm.is_root()) observer->unit_done(outcome.done);
  }
  outcome.failed = failed_on_all(loop.failed(), comm);
  if (observer && comm.is_root())
    std::ranges::for_each(outcome.failed, [&](auto const& one) { observer->unit_failed(one); });
  outcome.stopped = comm.max(loop.stopped() ? 1 : 0) != 0;
  return outcome;
}

/// One rank's part of one round of the first pass. @collective
Statistics observe_tiles(FirstPass const& pass, FusionTask const& task, Plan const& plan, std::vector<Unit> const& my_units, int threads,
                         Communicator const& comm) {
  std::set<int> tiles;
  for (Unit const& unit : my_units) tiles.insert(unit.tile);
  std::vector<int> const mine(tiles.begin(), tiles.end());
  Statistics statistics;
  comm.together([&] {
    std::mutex mutex;
    with_threads(threads, [&] {
      parallel_for(0, static_cast<int>(mine.size()), [&](int i) {
        Statistics of_tile;
        observe_tile(pass, task, plan.tiles[static_cast<std::size_t>(mine[static_cast<std::size_t>(i)])], of_tile);
        std::lock_guard const lock(mutex);
        statistics.merge(of_tile);
      });
    });
  });
  return statistics;
}

/// The sum over all ranks. Every rank merges its share of the names, so that no rank holds the statistics of all.
/// @collective
Statistics merged(Statistics const& mine, Communicator const& comm) {
  std::vector<std::string> shares;
  for (Statistics const& share : mine.split(static_cast<std::size_t>(comm.size()))) shares.push_back(share.pack());
  Statistics share;
  for (std::string const& bytes : comm.exchange(shares)) share.merge(Statistics::unpack(bytes));
  Statistics all;
  for (std::string const& bytes : comm.all_gather(share.pack())) all.merge(Statistics::unpack(bytes));
  return all;
}

}  // namespace

std::vector<std::string> run_first_passes(FusionTask& task, Plan const& plan, std::vector<Unit> const& my_units,
                                          int threads, Communicator const& comm,
                                          std::vector<std::string> const& kept) {
  std::vector<std::string> rounds;
  auto const run = [&](FirstPass& pass) {
    while (pass.wants_statistics()) {
      Statistics const statistics = rounds.size() < kept.size()
                                        ? Statistics::unpack(kept[rounds.size()])
                                        : merged(observe_tiles(pass, task, plan, my_units, threads, comm), comm);
      rounds.push_back(statistics.pack());
      comm.together([&] { pass.prepare(statistics); });
    }
  };
  run(*task.model);
  if (!task.uncertainty) return rounds;
  PairResiduals residuals(task.bands);
  run(residuals);
  task.uncertainty_scale = residuals.scales();
  return rounds;
}

RunOutcome run_units(FusionTask const& task, Plan const& plan, std::vector<std::vector<Unit>> const& work,
                     PipelineSettings const& settings, CubeWriter& writer, Communicator const& comm,
                     Timings& timings, RunObserver* observer) {
  if (!writer.in_rounds()) return run_handed_out(task, plan, work, settings, writer, comm, timings, observer);
  auto const& my_units = work[static_cast<std::size_t>(comm.rank())];
  return run_in_rounds(task, plan, my_units, settings, writer, comm, timings, observer);
}

}  // namespace stfcube
