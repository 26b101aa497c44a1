#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The one string that says whether two cubes hold the same pixels, whoever wrote them and however they are
/// compressed: SHA-256 over one line of text per chunk, arrays in file order and chunks in index order
/// (docs/cube-format.md). Chunks that hold nothing but the fill value do not count, so that a hole and a
/// stored empty chunk are the same. Not thread-safe.
class ContentDigest {
 public:
  explicit ContentDigest(std::vector<CubeArray> arrays);

  struct Record {
    std::int64_t chunk;  ///< row-major number within its array
    std::uint32_t array, crc;
    auto operator<=>(Record const&) const = default;
  };

  /// One chunk as stored before compression: full size, fill value beyond the edge. Each chunk once.
  void add(std::size_t array, std::array<int, 4> const& index, std::span<std::byte const> raw);

  /// The checksum that counts for a chunk; nothing when it holds the fill value alone and does not count.
  static std::optional<std::uint32_t> checksum(CubeArray const& array, std::span<std::byte const> raw);

  /// What the digest is made over, for one chunk: "reflectance 0 3 1 2 131072 0a1b2c3d\n"; an array without bands has three
  /// indices.
  static std::string line(CubeArray const& array, std::int64_t chunk, std::uint32_t checksum);

  /// One chunk by its row-major number and checksum. Each chunk once.
  void add(std::size_t array, std::int64_t chunk, std::uint32_t checksum);

  /// What was added to this object.
  std::vector<Record> const& records() const { return records_; }
  std::array<int, 4> index_of(Record const& record) const;
  std::vector<CubeArray> const& arrays() const { return arrays_; }

  /// What all ranks added, by array and number. @collective @throws Error(internal) when a chunk was added
  /// twice
  ContentDigest merged(Communicator const& comm) const;

  /// The digest of what was added to this object, by array and number.
  std::string hex() const;

  /// The digest of what all ranks added. @collective @throws Error(internal) when a chunk was added twice
  std::string merged_hex(Communicator const& comm) const;

 private:
  std::vector<CubeArray> arrays_;
  std::vector<Record> records_;
};

}  // namespace stfcube
