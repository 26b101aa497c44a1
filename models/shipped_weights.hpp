#pragma once

#include <filesystem>
#include <string>

namespace stfcube {

/// The weight file that comes with stfcube for this network; empty when there is none. Looked for in
/// share/stfcube/weights beside the running program, or beside the folder that it lies in.
std::filesystem::path shipped_weights(std::string const& network);

}  // namespace stfcube
