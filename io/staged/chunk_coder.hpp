#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "stfcube/io/compression.hpp"

namespace stfcube {

/// Brings chunks into the form in which HDF5's filters store them: bytes of equal weight side by side (items
/// of two bytes; the filter shuffle), then one stream. deflate:1 is written by ISA-L, deflate:2 to 9 by
/// libdeflate as zlib streams (docs/decisions/0005), zstd by its own library as a frame with size and
/// checksum (docs/decisions/0006). Equal chunks give equal bytes on one kind of processor, whatever was
/// encoded before. One thread at a time.
class ChunkCoder {
 public:
  explicit ChunkCoder(Compression const& compression);
  ~ChunkCoder();
  ChunkCoder(ChunkCoder const&) = delete;
  ChunkCoder& operator=(ChunkCoder const&) = delete;

  /// Most bytes that a chunk may need.
  static std::size_t bound(std::size_t raw_bytes);

  /// Writes the stored form of `raw` to `out`, which holds at least `bound(raw.size())` bytes.
  /// @param item_bytes  1 or 2
  /// @return bytes written
  std::size_t encode(std::span<std::byte const> raw, int item_bytes, std::span<std::byte> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stfcube
