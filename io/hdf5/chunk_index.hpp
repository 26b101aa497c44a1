#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/io/staged/stored_chunk.hpp"

namespace stfcube::hdf5 {

/// Tells a cube file that has its skeleton and, anywhere behind it, the stored bytes of its chunks where each
/// chunk lies. One rank does it, with a file driver of its own that writes no pixels (docs/decisions/0005).
class ChunkIndex {
 public:
  /// @param end  of the chunks; metadata that need a place go behind it. @throws Error(io)
  ChunkIndex(std::filesystem::path const& path, std::vector<CubeArray> arrays, std::uint64_t end);
  ~ChunkIndex();
  ChunkIndex(ChunkIndex const&) = delete;
  ChunkIndex& operator=(ChunkIndex const&) = delete;

  /// Enters chunks that lie at their offsets. In order of array and number this is fastest, and equal calls
  /// give equal bytes. Each chunk once. @throws Error(io)
  void add(std::span<StoredChunk const> chunks);

  /// @throws Error(io) for the first write that failed
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stfcube::hdf5
