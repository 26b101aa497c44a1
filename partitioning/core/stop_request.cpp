#include "stfcube/partitioning/core/stop_request.hpp"

#include <atomic>

#include <signal.h>
#include <unistd.h>

namespace stfcube {
namespace {

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "used in a signal handler");

void on_signal(int signal) {
  bool const again = requested.exchange(true);
  if (again && signal != SIGUSR1) _exit(stopped_status);
}

}  // namespace

void listen_to_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  // Reads and writes that a signal interrupts go on by themselves, also in libraries.
  action.sa_flags = SA_RESTART;
  for (int signal : {SIGUSR1, SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
}

bool stop_requested() noexcept {
  return requested;
}
void request_stop() noexcept {
  requested = true;
}
void clear_stop_request() noexcept {
  requested = false;
}

}  // namespace stfcube
