#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace stfcube {

/// Tells people how far a run is: one line that updates on a terminal, a log line per minute elsewhere. Rank 0 reports.
class Progress {
 public:
  /// @param pixel_values  pixels x bands x dates of the whole run
  Progress(std::size_t units, std::int64_t pixel_values, bool visible);

  /// All ranks together have finished `done` units and `values` pixel values.
  void update(std::size_t done, std::int64_t values);
  void end();

  double seconds() const;

 private:
  std::string line(std::size_t done, std::int64_t values) const;

  std::size_t units_;
  std::int64_t pixel_values_;
  bool visible_, terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace stfcube
