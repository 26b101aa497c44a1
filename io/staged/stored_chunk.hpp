#pragma once

#include <cstdint>

namespace stfcube {

/// One chunk as it lies in a file. Plain bytes without gaps: ranks hand it to each other as it is.
struct StoredChunk {
  std::int64_t chunk;        ///< row-major number within its array
  std::uint64_t offset;      ///< in the file
  std::uint32_t array;       ///< in file order
  std::uint32_t size;        ///< stored bytes
  std::uint32_t stored_crc;  ///< CRC-32C of the stored bytes
  std::uint32_t raw_crc;     ///< CRC-32C of the chunk before compression
};

static_assert(sizeof(StoredChunk) == 32);

}  // namespace stfcube
