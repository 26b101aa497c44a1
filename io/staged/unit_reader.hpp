#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/io/staged/journal.hpp"
#include "stfcube/io/staged/stored_chunk.hpp"

namespace stfcube {

/// One copy of one chunk. No place of the data file is used twice, so this names the record for ever.
struct ChunkCopy {
  std::uint32_t array;
  std::int64_t chunk;
  std::uint64_t offset;
  auto operator<=>(ChunkCopy const&) const = default;
};
ChunkCopy copy_named_by(StoredChunk const& chunk);

/// Copies whose bytes are lost; the units they belong to count as not written.
using RevokedCopies = std::set<ChunkCopy>;

/// A unit that was written to its end.
struct WrittenUnit {
  std::int64_t number;
  std::vector<StoredChunk> chunks;
};

/// Whether the record can be one of a cube with these arrays; without arrays nothing is known against it.
bool fits(JournalRecord const& record, std::vector<CubeArray> const& arrays);

/// Reads what was written from journals: units whose records are all there, in one file, and none of them
/// revoked. A unit that was written twice comes twice.
class UnitReader {
 public:
  UnitReader(std::vector<std::filesystem::path> journals, std::vector<CubeArray> arrays,
             RevokedCopies revoked);

  /// Nothing: that was all. @throws Error(io)
  std::optional<WrittenUnit> next();

 private:
  std::vector<std::filesystem::path> journals_;
  std::vector<CubeArray> arrays_;
  RevokedCopies revoked_;
  std::size_t next_journal_ = 0;
  std::optional<JournalReader> reader_;
};

}  // namespace stfcube
