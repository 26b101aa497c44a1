#pragma once

#include <functional>
#include <string>

namespace stfcube {

/// Calls `body(i)` for first <= i < last, in any order, on the threads of the surrounding arena. Waits for all; the
/// first exception is rethrown. A waiting thread takes only work of this loop, so that memory of outer work stays bounded.
void parallel_for(int first, int last, std::function<void(int)> const& body);

/// Runs `body` with at most `threads` threads for everything inside.
void with_threads(int threads, std::function<void()> const& body);

/// Cores this process may use (affinity mask, not the node).
int available_threads();

/// This rank's share of the cores: what it may use, divided by the ranks of the node where all may use the same ones
/// (mpirun --bind-to none). At least 1.
int threads_per_rank(int ranks_on_node);

/// Version of the threading library, for `--version`.
std::string threading_version();

}  // namespace stfcube
