#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "stfcube/io/work_directory.hpp"
#include "stfcube/pipeline/progress.hpp"
#include "stfcube/pipeline/run_observer.hpp"

namespace stfcube {

/// What a run is about, for its records.
struct RunFacts {
  std::size_t units = 0, units_before = 0;  ///< of the cube; done by earlier starts
  std::int64_t pixel_values = 0;            ///< that this start has to do
  int ranks = 1, threads = 1;
  std::string writer = {};
};

inline constexpr char const* status_file = "status.json";
inline constexpr char const* failed_units_file = "failed.jsonl";

/// Units that failed for good, as failed.jsonl of a work directory tells; some may have been done since.
struct NotedFailure {
  std::int64_t unit = 0;
  std::string tile;
  int slab = 0;
  std::string reason;
};
std::vector<NotedFailure> noted_failures(std::filesystem::path const& work_directory);

/// Keeps people informed: progress on the terminal or in the log, status.json and failed.jsonl in the work
/// directory. On rank 0.
class RunRecords final : public RunObserver {
 public:
  /// @param place, plan  outlive this object
  RunRecords(WorkDirectory const& place, Plan const& plan, RunFacts facts);

  void unit_done(RunProgress const& progress) override;
  void unit_failed(FailedUnit const& failed) override;

  /// Writes status.json. @param state  "running", "finishing", "stopped", "failed"
  void note(std::string const& state);

 private:
  WorkDirectory const& place_;
  Plan const& plan_;
  RunFacts facts_;
  Progress shown_;
  RunProgress progress_;
  std::size_t failed_ = 0;
  std::chrono::steady_clock::time_point noted_;
};

/// The lines that name failed units for `/provenance/failed_tiles`: tile and slab, in the order of units;
/// nothing that depends on where and when they failed.
std::string failed_lines(std::vector<FailedUnit> const& failed, Plan const& plan);

/// "2026-05-01T12:00:00Z"
std::string utc_now();

}  // namespace stfcube
