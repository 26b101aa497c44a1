#pragma once

#include <span>
#include <string>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

/// Why one scene cannot be used.
struct SceneFault {
  int scene = 0;  ///< index in the catalogue
  ErrorKind kind = ErrorKind::data;
  std::string path;     ///< of its first file
  std::string message;  ///< names the file or the key
};

/// One message for all faults of a sensor's scenes: each is named (the first 20, then a count), a reason that
/// several share is told once.
std::string describe_faults(std::span<SceneFault const> faults, std::string const& role);

}  // namespace stfcube
