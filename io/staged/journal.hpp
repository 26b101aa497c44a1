#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "stfcube/io/staged/plain_file.hpp"
#include "stfcube/io/staged/stored_chunk.hpp"

namespace stfcube {

/// What a journal says of one chunk of a unit.
struct JournalRecord {
  std::int64_t unit = 0;
  std::uint32_t position = 0;  ///< among the records of the unit, from 0
  bool last = false;           ///< of its unit
  bool empty = false;          ///< names no chunk: the unit has none that are stored
  bool revoked = false;        ///< names a chunk of another record whose bytes are not to be had any more
  StoredChunk chunk{};
};

/// The 64 bytes of a record (docs/decisions/0005), little endian, the last four of them a checksum of the
/// others.
using PackedRecord = std::array<std::byte, 64>;
PackedRecord packed(JournalRecord const& record);
/// Nothing when these bytes are no record of this version, whole and unchanged.
std::optional<JournalRecord> unpacked(PackedRecord const& bytes);

/// A journal that one rank writes: a file of records, appended to. Nothing is appended any more after a
/// failure.
class Journal {
 public:
  /// Makes the file, and its name durable. @throws Error(io)
  explicit Journal(std::filesystem::path const& path);

  /// When it returns the records lie on the disk. @throws Error(io)
  void append(std::span<JournalRecord const> records);

 private:
  PlainFile file_;
  std::uint64_t end_ = 0;
  bool failed_ = false;
};

/// Reads a journal up to its first bad record: what a killed rank wrote last may be incomplete.
class JournalReader {
 public:
  /// @throws Error(io)
  explicit JournalReader(std::filesystem::path const& path);

  /// Nothing: there are no more good records. @throws Error(io)
  std::optional<JournalRecord> next();

 private:
  PlainFile file_;
  std::uint64_t left_, offset_ = 0;  ///< records not read yet; where they begin
  std::vector<PackedRecord> piece_;
  std::size_t used_ = 0;
};

}  // namespace stfcube
