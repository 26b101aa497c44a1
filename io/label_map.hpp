#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube {

/// A map of numbered classes or objects on the cube's fine grid. Thread-safe.
class LabelMap {
 public:
  virtual ~LabelMap() = default;
  /// Fills `to`, row-major: the label of each pixel, -1 where the map has none. @throws Error(data)
  virtual void read(Rect const& px, std::int32_t* to) const = 0;
};

/// Opens the first band of a raster file. @param key  the job's key that names the file, for messages
/// @throws Error(data) when it cannot be opened or is not on the grid
std::unique_ptr<LabelMap> open_label_map(std::filesystem::path const& path, Grid const& grid,
                                         std::string const& key);

}  // namespace stfcube
