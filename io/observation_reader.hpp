#pragma once

#include <memory>
#include <span>

#include "stfcube/io/catalog.hpp"
#include "stfcube/partitioning/core/stack.hpp"

namespace stfcube {

/// Pixels of one sensor on one grid, date by date, masked and in DN. Thread-safe.
class ObservationReader {
 public:
  virtual ~ObservationReader() = default;

  /// Ascending, unique; one per observation.
  virtual std::span<Date const> dates() const = 0;

  /// Where observation `index` can have pixels, on the grid; conservative.
  virtual Rect footprint(int index) const = 0;

  /// Observation `index` on the grid rectangle `px`: [1, band, y, x]; a pixel without a valid value in every band is
  /// no_data_dn in all of them. A pure function of `index` and `px`; a value does not depend on the rectangle it was
  /// read with as long as rectangles are the blocks of a fixed lattice (pipeline/block_cache.hpp).
  /// @throws Error(data) when a file cannot be read
  virtual Stack<Dn> read(int index, Rect const& px) const = 0;
};

/// Reads through GDAL: aligned scenes directly, others warped with the exact transformer and a fixed scale.
/// @param footprints  one per scene of the catalogue, from check_scene
std::unique_ptr<ObservationReader> make_observation_reader(Catalog catalog, std::vector<SceneHeader> headers,
                                                           Grid const& grid, Quantity const& quantity);

/// Bytes the raster library may keep of decoded blocks, for the whole process.
void set_raster_cache_bytes(std::uint64_t bytes);

}  // namespace stfcube
