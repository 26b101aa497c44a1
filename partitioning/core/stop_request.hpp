#pragma once

namespace stfcube {

/// What a run that was stopped before its end exits with: run the same command again to continue
/// (docs/interface).
inline constexpr int stopped_status = 75;

/// From now on SIGUSR1, SIGTERM and SIGINT ask for a stop instead of ending the program. A second SIGTERM or
/// SIGINT ends it at once with `stopped_status`: what is in the journal by then is safe. To be called once,
/// by the main thread.
void listen_to_stop_signals();

/// Whether such a signal came to this process. Thread-safe.
bool stop_requested() noexcept;

/// As a signal would; for other reasons to stop, and for tests. Safe in signal handlers.
void request_stop() noexcept;

/// Forgets the request; for tests.
void clear_stop_request() noexcept;

}  // namespace stfcube
