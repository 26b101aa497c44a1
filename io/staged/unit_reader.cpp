#include "stfcube/io/staged/unit_reader.hpp"

#include <algorithm>
#include <utility>

#include "stfcube/io/staged/chunk_coder.hpp"

namespace stfcube {
namespace {

/// The records of one unit as they come in.
class UnitRecords {
 public:
  /// @return the unit, when this was the last record of all
  std::optional<WrittenUnit> add(JournalRecord const& record) {
    if (record.position == 0) {
      unit_ = WrittenUnit{record.unit, {}};
      count_ = 0;
    }
    if (record.unit != unit_.number || record.position != count_) {
      count_ = none;
      return std::nullopt;
    }
    ++count_;
    if (!record.empty) unit_.chunks.push_back(record.chunk);
    if (!record.last) return std::nullopt;
    count_ = none;
    return std::move(unit_);
  }

 private:
  static constexpr std::int64_t none = -1;
  WrittenUnit unit_{-1, {}};
  std::int64_t count_ =
      none;  ///< records of the unit so far; none: until the next unit begins nothing counts
};

}  // namespace

ChunkCopy copy_named_by(StoredChunk const& chunk) {
  return {chunk.array, chunk.chunk, chunk.offset};
}

bool fits(JournalRecord const& record, std::vector<CubeArray> const& arrays) {
  if (record.unit < 0 && !record.revoked) return false;
  if (record.empty || arrays.empty()) return true;
  if (record.chunk.array >= arrays.size()) return false;
  CubeArray const& array = arrays[record.chunk.array];
  return record.chunk.chunk >= 0 && record.chunk.chunk < array.chunks() && record.chunk.size > 0 &&
         record.chunk.size <= ChunkCoder::bound(array.chunk_bytes());
}

UnitReader::UnitReader(std::vector<std::filesystem::path> journals, std::vector<CubeArray> arrays,
                       RevokedCopies revoked)
    : journals_(std::move(journals)), arrays_(std::move(arrays)), revoked_(std::move(revoked)) {}

std::optional<WrittenUnit> UnitReader::next() {
  UnitRecords records;
  for (;;) {
    if (!reader_) {
      if (next_journal_ == journals_.size()) return std::nullopt;
      reader_.emplace(journals_[next_journal_++]);
      records = UnitRecords();
    }
    auto const record = reader_->next();
    if (!record || !fits(*record, arrays_)) {
      reader_.reset();
      continue;
    }
    if (record->revoked) continue;
    auto unit = records.add(*record);
    auto const is_revoked = [&](StoredChunk const& chunk) { return revoked_.contains(copy_named_by(chunk)); };
    if (unit && std::ranges::none_of(unit->chunks, is_revoked)) return unit;
  }
}

}  // namespace stfcube
