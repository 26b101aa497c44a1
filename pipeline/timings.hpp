#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace stfcube {

/// Where the time of one rank went, in thread seconds. Thread-safe; for people, never for decisions.
struct Timings {
  std::atomic<std::int64_t> read_ns{0}, fuse_ns{0}, write_ns{0}, wait_ns{0};
};

/// Adds the life time of the object to one of the clocks.
class Stopwatch {
 public:
  explicit Stopwatch(std::atomic<std::int64_t>& clock) : clock_(clock) {}
  ~Stopwatch() {
    clock_ += std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start_).count();
  }
  Stopwatch(Stopwatch const&) = delete;
  Stopwatch& operator=(Stopwatch const&) = delete;

 private:
  std::atomic<std::int64_t>& clock_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace stfcube
