#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stfcube/io/compression.hpp"

namespace stfcube {

/// Undoes what ChunkCoder does, and HDF5's filters: stored bytes become a chunk again. Bytes that were
/// damaged are found by the checksum of the zlib stream or the zstd frame. Needs no plugin of HDF5's. One
/// thread at a time.
class ChunkDecoder {
 public:
  explicit ChunkDecoder(Coder coder);
  ~ChunkDecoder();
  ChunkDecoder(ChunkDecoder const&) = delete;
  ChunkDecoder& operator=(ChunkDecoder const&) = delete;

  /// Fills `raw`, whose size is that of the chunk.
  /// @param item_bytes  1 or 2
  /// @return what is wrong with the stored bytes; nothing: they are sound
  std::optional<std::string> decode(std::span<std::byte const> stored, int item_bytes,
                                    std::span<std::byte> raw);

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::vector<std::byte> shuffled_;
};

}  // namespace stfcube
