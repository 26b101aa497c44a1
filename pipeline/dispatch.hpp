#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"
#include "stfcube/partitioning/schedule/plan.hpp"
#include "stfcube/pipeline/run_observer.hpp"

namespace stfcube {

struct DispatchSettings {
  std::uint64_t first_extent = 0;  ///< the first place in the file that is given out
  /// No unit is begun that would probably not be through by then.
  std::optional<std::chrono::steady_clock::time_point> end = {};
};

/// A failed unit as a line of text, and such lines as failed units: what ranks tell each other.
std::string pack(FailedUnit const& failed);
std::vector<FailedUnit> unpack_failed_units(std::string const& text);

/// What all ranks together did.
struct RunOutcome {
  RunProgress done;
  std::vector<FailedUnit> failed;  ///< for good, in the order of units
  bool stopped = false;            ///< as asked, before the end
};

/// Hands units and places in the file to the ranks of a run (the coordinator). Rank 0 holds the state and
/// answers through a Listener; with one rank nothing is sent. Thread-safe.
class Dispatch {
 public:
  /// A unit fails for good when it failed that often.
  static constexpr int most_attempts = 2;

  /// @param work      units of each rank that are to be done, the same everywhere
  /// @param observer  used on rank 0; may be null. @collective
  Dispatch(Communicator const& comm, std::vector<std::vector<Unit>> const& work,
           DispatchSettings const& settings, RunObserver* observer);
  ~Dispatch();
  Dispatch(Dispatch const&) = delete;
  Dispatch& operator=(Dispatch const&) = delete;

  /// The next unit; nothing when none is left or the run is to stop.
  std::optional<Unit> next();

  /// A place in the file that no other call on any rank gets.
  std::uint64_t extent(std::uint64_t bytes);

  /// The unit is written. @param values  pixels x bands x dates
  void done(Unit const& unit, std::int64_t values);

  /// The unit could not be computed: it is tried again, or counts as failed.
  void failed(Unit const& unit, Error const& error);

  /// This rank was asked to stop, so all do.
  void stop();

  /// This rank cannot go on: nobody gets more work, `close` throws `error` everywhere.
  void give_up(Error const& error);

  /// Whether nobody gets more work.
  bool stopping();

  /// Waits for all ranks; the only call after it is the destructor.
  /// @collective @return the same on every rank. @throws Error on every rank when one gave up
  RunOutcome close();

 private:
  class Board;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stfcube
