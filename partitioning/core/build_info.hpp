#pragma once

#include <string>

namespace stfcube {

/// "0.1.0".
std::string version();

/// What `git describe` said when the program was configured; the version where there is no repository.
std::string version_described();

/// Version of the LibTorch found when configured, or "not used".
std::string torch_version();

}  // namespace stfcube
