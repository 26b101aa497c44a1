#include "stfcube/pipeline/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "stfcube/partitioning/core/log.hpp"

namespace stfcube {

using std::chrono::steady_clock;

Progress::Progress(std::size_t units, std::int64_t pixel_values, bool visible)
    : units_(units), pixel_values_(pixel_values), visible_(visible), terminal_(isatty(STDERR_FILENO) == 1),
      start_(steady_clock::now()), last_(start_) {}

double Progress::seconds() const { return std::chrono::duration<double>(steady_clock::now() - start_).count(); }

std::string Progress::line(std::size_t done, std::int64_t values) const {
  double const elapsed = seconds();
  double const share = pixel_values_ > 0 ? static_cast<double>(values) / static_cast<double>(pixel_values_) : 1.0;
  double const left = share > 0 ? elapsed * (1 - share) / share : 0;
  return fmt::format("{}/{} units, {:.0f} %, {:.1f} M pixel values/s, {:.0f} s left", done, units_, share * 100,
                     static_cast<double>(values) / std::max(elapsed, 1e-3) / 1e6, left);
}

void Progress::update(std::size_t done, std::int64_t values) {
  if (!visible_) return;
  auto const now = steady_clock::now();
  auto const interval = terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(60000);
  if (now - last_ < interval) return;
  last_ = now;
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}", line(done, values));
    std::fflush(stderr);
    drawn_ = true;
  } else {
    log::info(line(done, values));
  }
}

void Progress::end() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

}  // namespace stfcube
