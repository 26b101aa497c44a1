#pragma once

#include <map>
#include <string>

#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The networks of this build as methods, by name: options of their structure, which the weight file decides
/// where the job leaves them out, and of their use.
std::map<std::string, ModelEntry> network_entries();

}  // namespace stfcube
