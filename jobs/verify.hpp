#pragma once

#include <filesystem>
#include <ostream>

#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The options of `stfcube verify`.
struct VerifySettings {
  std::filesystem::path cube;
  bool json = false;  ///< one JSON object in place of lines
};

/// Checks a finished cube (check_cube) and says on `out` what is wrong with it, or what was checked. Tiles that failed when
/// the cube was made are named, but are no damage. @collective
/// @return exit status: 0 whole, 1 damaged. @throws Error(config) when there is no finished cube
int verify(VerifySettings const& settings, Communicator const& comm, std::ostream& out);

}  // namespace stfcube
