#pragma once

#include <string_view>

namespace stfcube::log {

enum class Level { debug, info, warning, error };

/// Logs go to stderr, one line per event: "2026-05-01T12:00:00Z INFO rank=3 message". Thread-safe.
/// Rank 0 alone speaks at debug and info, every rank at warning and error.
void set_rank(int rank);
void set_level(Level level);

void debug(std::string_view message);
void info(std::string_view message);
void warning(std::string_view message);
void error(std::string_view message);

}  // namespace stfcube::log
