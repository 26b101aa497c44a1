#pragma once

#include <cstdint>
#include <string>

#include "stfcube/partitioning/schedule/plan.hpp"

namespace stfcube {

/// How far a run is, over all ranks.
struct RunProgress {
  std::size_t units_done = 0;     ///< by this start
  std::int64_t pixel_values = 0;  ///< pixels x bands x dates of these units
};

/// A unit that could not be computed.
struct FailedUnit {
  Unit unit;
  int attempt = 1;     ///< 1 for the first
  std::string reason;  ///< one line
  bool operator==(FailedUnit const&) const = default;
};

/// Sees what happens to units, on rank 0 and from one thread at a time, which need not be the main thread.
/// Must not call MPI. What it throws ends the run.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void unit_done(RunProgress const& progress) = 0;
  virtual void unit_failed(FailedUnit const& failed) = 0;
};

}  // namespace stfcube
