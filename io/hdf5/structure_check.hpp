#pragma once

#include <string>
#include <vector>

#include "stfcube/io/hdf5/handle.hpp"

namespace stfcube::hdf5 {

/// What differs in the objects and attributes of an open cube file from what the format asks for
/// (docs/cube-format.md), or does not agree with each other: one line each, in the order of the format.
/// Pixels are not looked at. Never throws for what it finds in the file.
std::vector<std::string> structure_problems(hid_t file);

}  // namespace stfcube::hdf5
