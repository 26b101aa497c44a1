#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/cube.hpp"

namespace stfcube {

/// The files of both sensors and the maps, for the provenance of a cube: paths relative to `folder`, URLs without what may
/// be secret. @param maps  empty paths are left out; a map has the date 1970-01-01
std::vector<InputRecord> input_records(Catalog const& fine, Catalog const& coarse,
                                       std::vector<std::filesystem::path> const& maps,
                                       std::filesystem::path const& folder);

/// The weight file of a network, likewise, with the role "weights" and the date 1970-01-01.
InputRecord weights_record(std::filesystem::path const& weights, std::filesystem::path const& folder);

/// An input as a later start of the same run knows it again.
struct InputLine {
  std::string name;         ///< "fine 2020-01-01 scenes/a.tif"
  std::uint64_t bytes = 0;  ///< 0 where a file system does not tell
  auto operator<=>(InputLine const&) const = default;
};
std::vector<InputLine> input_lines(std::vector<InputRecord> const& inputs,
                                   std::filesystem::path const& folder);

}  // namespace stfcube
