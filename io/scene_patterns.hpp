#pragma once

#include <set>
#include <string>

#include "stfcube/io/scene_candidate.hpp"

namespace stfcube {

/// Appends the scenes that one entry of `sensor.scenes` (glob, path, with or without {band}) stands for.
/// @param quality_files  paths that are never taken as scenes
void list_pattern(std::string const& entry, SensorSpec const& sensor,
                  std::set<std::string> const& quality_files, SceneListing& listing);

}  // namespace stfcube
