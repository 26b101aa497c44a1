#include "stfcube/io/staged/journal.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "stfcube/io/work_directory.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

static_assert(std::endian::native == std::endian::little, "records are stored as they are in memory");

constexpr std::array<char, 4> record_magic = {'S', 'F', 'J', 'R'};
constexpr std::uint16_t record_version = 1;
constexpr std::uint16_t last_flag = 1, empty_flag = 2, revoked_flag = 4;

/// The record as it lies in the file; without gaps.
struct Layout {
  std::array<char, 4> magic = record_magic;
  std::uint16_t version = record_version;
  std::uint16_t flags = 0;
  std::int64_t unit = 0;
  std::int64_t chunk = 0;
  std::uint64_t offset = 0;
  std::uint32_t array = 0;
  std::uint32_t size = 0;
  std::uint32_t stored_crc = 0;
  std::uint32_t raw_crc = 0;
  std::uint32_t position = 0;
  std::array<std::uint32_t, 2> reserved{};
  std::uint32_t crc = 0;
};
static_assert(sizeof(Layout) == sizeof(PackedRecord));

std::uint32_t checksum(PackedRecord const& bytes) {
  return crc32c(std::span(bytes).first(offsetof(Layout, crc)));
}

/// Records that are read at once.
constexpr std::uint64_t piece_records = std::uint64_t{1} << 14;

}  // namespace

PackedRecord packed(JournalRecord const& record) {
  Layout const layout = {
      .flags = static_cast<std::uint16_t>((record.last ? last_flag : 0) | (record.empty ? empty_flag : 0) |
                                          (record.revoked ? revoked_flag : 0)),
      .unit = record.unit,
      .chunk = record.chunk.chunk,
      .offset = record.chunk.offset,
      .array = record.chunk.array,
      .size = record.chunk.size,
      .stored_crc = record.chunk.stored_crc,
      .raw_crc = record.chunk.raw_crc,
      .position = record.position,
  };
  PackedRecord bytes;
  std::memcpy(bytes.data(), &layout, sizeof layout);
  std::uint32_t const crc = checksum(bytes);
  std::memcpy(bytes.data() + offsetof(Layout, crc), &crc, sizeof crc);
  return bytes;
}

std::optional<JournalRecord> unpacked(PackedRecord const& bytes) {
  Layout layout;
  std::memcpy(&layout, bytes.data(), sizeof layout);
  constexpr unsigned known = last_flag | empty_flag | revoked_flag;
  if (layout.magic != record_magic || layout.version != record_version || (layout.flags & ~known) != 0 ||
      layout.crc != checksum(bytes)) {
    return std::nullopt;
  }
  return JournalRecord{.unit = layout.unit,
                       .position = layout.position,
                       .last = (layout.flags & last_flag) != 0,
                       .empty = (layout.flags & empty_flag) != 0,
                       .revoked = (layout.flags & revoked_flag) != 0,
                       .chunk = {.chunk = layout.chunk,
                                 .offset = layout.offset,
                                 .array = layout.array,
                                 .size = layout.size,
                                 .stored_crc = layout.stored_crc,
                                 .raw_crc = layout.raw_crc}};
}

Journal::Journal(std::filesystem::path const& path) : file_(path, PlainFile::Access::create) {
  sync_to_disk(path.parent_path());
}

void Journal::append(std::span<JournalRecord const> records) {
  require(!failed_, ErrorKind::io,
          file_.path().string() + ": an earlier record could not be written. Run the command again.");
  std::vector<PackedRecord> bytes;
  for (JournalRecord const& record : records) bytes.push_back(packed(record));
  failed_ = true;
  file_.write(end_, std::as_bytes(std::span(bytes)));
  file_.sync();
  failed_ = false;
  end_ += bytes.size() * sizeof(PackedRecord);
}

JournalReader::JournalReader(std::filesystem::path const& path)
    : file_(path, PlainFile::Access::read), left_(file_.size() / sizeof(PackedRecord)) {}

std::optional<JournalRecord> JournalReader::next() {
  if (used_ == piece_.size()) {
    if (left_ == 0) return std::nullopt;
    piece_.resize(std::min(left_, piece_records));
    file_.read(offset_, std::as_writable_bytes(std::span(piece_)));
    offset_ += piece_.size() * sizeof(PackedRecord);
    left_ -= piece_.size();
    used_ = 0;
  }
  auto const record = unpacked(piece_[used_++]);
  if (!record) {
    left_ = 0;
    used_ = piece_.size();
  }
  return record;
}

}  // namespace stfcube
