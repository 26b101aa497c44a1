#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/pipeline/tile_job.hpp"

namespace stfcube {

/// A unit that went through reading and fusing: a result, or the reason why there is none.
struct FinishedUnit {
  Unit unit;
  std::optional<CubeUnit> result;
  std::optional<Error> error;
};

/// The units of one rank on their way through reading and fusing, on threads of their own. The owner starts
/// them, takes finished ones out and writes them meanwhile. One owner at a time.
class UnitsInFlight {
 public:
  /// @param threads  for reading and fusing; the owner's comes on top. Task, plan and timings outlive this
  /// object
  UnitsInFlight(FusionTask const& task, Plan const& plan, int threads, Timings& timings);
  /// Waits for work that has begun; its result is dropped.
  ~UnitsInFlight();
  UnitsInFlight(UnitsInFlight const&) = delete;
  UnitsInFlight& operator=(UnitsInFlight const&) = delete;

  void start(Unit const& unit);

  /// Units that were started and not taken yet.
  int count() const;

  /// The next finished unit; nothing when none got ready within `patience`.
  std::optional<FinishedUnit> take(std::chrono::milliseconds patience);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stfcube
