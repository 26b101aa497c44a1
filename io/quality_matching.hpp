#pragma once

#include <string>
#include <vector>

#include "stfcube/io/scene_candidate.hpp"

namespace stfcube {

/// The files that the patterns `sensor.qa` match, each once, in the order given.
/// @param problems  gets a line for each pattern that matches nothing
std::vector<std::string> list_quality_files(SensorSpec const& sensor, std::vector<std::string>& problems);

/// Gives each scene without a quality file the one of its date: the name with the longest common beginning,
/// then the longest common end, then the order given. A file serves one scene.
/// @param listing  gets a problem for each scene that has none, and for each file without a date
void match_quality_files(std::vector<std::string> const& files, SensorSpec const& sensor,
                         SceneListing& listing);

}  // namespace stfcube
