#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/cube.hpp"

namespace stfcube {

/// The files of both sensors, for the provenance of a cube: paths relative to `folder`, URLs without what may
/// be secret.
std::vector<InputRecord> input_records(Catalog const& fine, Catalog const& coarse,
                                       std::filesystem::path const& folder);

/// An input as a later start of the same run knows it again.
struct InputLine {
  std::string name;         ///< "fine 2020-01-01 scenes/a.tif"
  std::uint64_t bytes = 0;  ///< 0 where a file system does not tell
  auto operator<=>(InputLine const&) const = default;
};
std::vector<InputLine> input_lines(std::vector<InputRecord> const& inputs,
                                   std::filesystem::path const& folder);

}  // namespace stfcube
