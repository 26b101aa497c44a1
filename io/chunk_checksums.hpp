#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/io/cube_arrays.hpp"

namespace stfcube {

/// CRC-32C of every chunk of a cube before compression, stored with the cube (/provenance/chunk_checksum) so
/// that damage can be told chunk by chunk. A chunk that was not set holds nothing but the fill value, and has
/// the checksum of that, whether it is stored or not. 4 bytes per chunk.
class ChunkChecksums {
 public:
  /// Those of an empty cube.
  explicit ChunkChecksums(std::vector<CubeArray> const& arrays);

  /// @param array  in file order
  /// @param chunk  row-major number within the array
  void set(std::size_t array, std::int64_t chunk, std::uint32_t checksum);

  /// One array behind the other in file order, each in order of chunk numbers.
  std::vector<std::uint32_t> const& all() const { return all_; }

  /// Where an array begins in `all`.
  static std::vector<std::int64_t> begins(std::vector<CubeArray> const& arrays);

  /// Of a chunk that holds the fill value alone.
  static std::uint32_t of_empty_chunk(CubeArray const& array);

 private:
  std::vector<std::int64_t> begins_;
  std::vector<std::uint32_t> all_;
};

}  // namespace stfcube
