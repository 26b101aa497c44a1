#pragma once

#include <string>
#include <vector>

#include "stfcube/io/catalog.hpp"

namespace stfcube {

/// A scene as listed, before quality files are matched to it.
struct SceneCandidate {
  Scene scene;
  std::string name;  ///< of its (first) file, for messages and for matching
};

/// What a listing found, in the order given, and everything that is wrong with it.
struct SceneListing {
  std::vector<SceneCandidate> scenes;
  std::vector<std::string> problems;
};

}  // namespace stfcube
