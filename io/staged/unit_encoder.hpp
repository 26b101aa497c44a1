#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/io/staged/stored_chunk.hpp"

namespace stfcube {

/// A chunk on its way to the file; the bytes belong to the encoder.
struct EncodedChunk {
  StoredChunk record;  ///< the offset is not known yet
  std::span<std::byte const> bytes;
};

/// Cuts units into chunks and compresses these on the threads of the surrounding arena, in batches, so that
/// memory does not grow with the unit. Chunks that hold nothing but the fill value are left out: they read as
/// fill without being stored. One caller at a time.
class UnitEncoder {
 public:
  UnitEncoder(std::vector<CubeArray> arrays, Compression const& compression, std::size_t batch_bytes);
  ~UnitEncoder();

  /// Parts in which the unit is encoded; at least 1.
  int batches(CubeUnit const& unit) const;

  /// One part, in the order (array, time, band, y, x) of the unit. The result is valid until the next call.
  std::vector<EncodedChunk> encode(CubeUnit const& unit, int batch);

 private:
  struct Worker;
  struct Place {
    std::size_t array;
    std::array<int, 4> at;  ///< chunk within the unit
  };

  std::vector<Place> places(CubeUnit const& unit) const;
  std::size_t chunks_per_batch() const;
  EncodedChunk encode(CubeUnit const& unit, Place const& place, std::span<std::byte> out);
  std::unique_ptr<Worker> hire();
  void dismiss(std::unique_ptr<Worker> worker);

  std::vector<CubeArray> arrays_;
  Compression compression_;
  std::size_t batch_bytes_, slot_bytes_ = 0;
  std::unique_ptr<std::byte[]> slots_;  ///< one for each chunk of a batch
  std::size_t slot_count_ = 0;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> idle_;
};

}  // namespace stfcube
