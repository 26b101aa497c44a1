#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/cube.hpp"

namespace stfcube {

/// The files of both sensors, for the provenance of a cube: paths relative to `folder`, URLs without what may be secret.
std::vector<InputRecord> input_records(Catalog const& fine, Catalog const& coarse, std::filesystem::path const& folder);

/// One line per file: role, date, size in bytes (0 where a file system does not tell), name. Equal lines mean that a run may
/// go on with these inputs.
std::vector<std::string> input_lines(std::vector<InputRecord> const& inputs, std::filesystem::path const& folder);

}  // namespace stfcube
