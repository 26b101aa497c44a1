#include "stfcube/io/staged/journal.hpp"

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/io/staged/unit_reader.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/io/disk_faults.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using namespace stfcube::testing;

JournalRecord record(std::int64_t unit, std::uint32_t position, bool last = false) {
  return {.unit = unit,
          .position = position,
          .last = last,
          .chunk = {.chunk = 10 * unit + position,
                    .offset = 4096 * static_cast<std::uint64_t>(unit) + 100 * position,
                    .array = 0,
                    .size = 100,
                    .stored_crc = 7,
                    .raw_crc = 8}};
}

std::vector<CubeArray> arrays() {
  return {{.name = "reflectance", .shape = {10, 10, 10, 10}, .chunk = {1, 1, 5, 5}}};
}

std::string bytes_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void put_bytes(fs::path const& path, std::string const& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void write_journal(fs::path const& path, std::vector<std::vector<JournalRecord>> const& appended) {
  Journal journal(path);
  for (auto const& records : appended) journal.append(records);
}

/// "3:30,31 4:" for units 3, of the chunks 30 and 31, and 4, of none.
std::string units_in(std::vector<fs::path> const& journals, RevokedCopies const& revoked = {}) {
  UnitReader reader(journals, arrays(), revoked);
  std::string text;
  while (auto const unit = reader.next()) {
    text += (text.empty() ? "" : " ") + std::to_string(unit->number) + ":";
    for (StoredChunk const& chunk : unit->chunks) text += std::to_string(chunk.chunk) + ",";
  }
  return text;
}

TEST(Journal, record_is_stored_in_these_bytes) {
  JournalRecord const one = {.unit = 0x0102030405060708,
                             .position = 0x50515253,
                             .last = true,
                             .revoked = true,
                             .chunk = {.chunk = 0x1112131415161718,
                                       .offset = 0x2122232425262728,
                                       .array = 0x31323334,
                                       .size = 0x41424344,
                                       .stored_crc = 0x61626364,
                                       .raw_crc = 0x71727374}};
  std::string text;
  for (std::byte const b : packed(one)) {
    constexpr char const* digits = "0123456789abcdef";
    text += {digits[static_cast<int>(b) / 16], digits[static_cast<int>(b) % 16]};
  }
  EXPECT_EQ(text.substr(0, 120),
            "53464a52"
            "0100"
            "0500"
            "0807060504030201"
            "1817161514131211"
            "2827262524232221"
            "34333231"
            "44434241"
            "64636261"
            "74737271"
            "53525150"
            "0000000000000000");
  PackedRecord const bytes = packed(one);
  std::uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + 60, 4);
  EXPECT_EQ(crc, crc32c(std::span(bytes).first(60)));
}

TEST(Journal, record_is_read_as_written) {
  for (JournalRecord one :
       {record(5, 3), record(6, 0, true), JournalRecord{.unit = 7, .last = true, .empty = true}}) {
    for (bool const revoked : {false, true}) {
      one.revoked = revoked;
      auto const again = unpacked(packed(one));
      ASSERT_TRUE(again.has_value());
      EXPECT_EQ(packed(*again), packed(one));
      EXPECT_EQ(again->last, one.last);
      EXPECT_EQ(again->empty, one.empty);
      EXPECT_EQ(again->revoked, one.revoked);
      EXPECT_EQ(again->chunk.offset, one.chunk.offset);
    }
  }
}

TEST(Journal, every_flipped_bit_makes_a_record_bad) {
  for (std::size_t bit = 0; bit < 64 * 8; ++bit) {
    PackedRecord bytes = packed(record(5, 3));
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_FALSE(unpacked(bytes).has_value()) << "bit " << bit;
  }
  EXPECT_FALSE(unpacked(PackedRecord{}).has_value());
}

/// A record of a later version, otherwise good.
TEST(Journal, records_of_other_versions_or_with_unknown_flags_are_bad) {
  for (std::size_t const at : {4, 6}) {
    PackedRecord bytes = packed(record(5, 3));
    bytes[at] = std::byte{8};
    std::uint32_t const crc = crc32c(std::span(bytes).first(60));
    std::memcpy(bytes.data() + 60, &crc, 4);
    EXPECT_FALSE(unpacked(bytes).has_value());
  }
}

TEST(Journal, units_count_once_their_last_record_is_there) {
  fs::path const file = fresh_folder() / "journal.1.0";
  write_journal(file, {{record(3, 0), record(3, 1, true)},
                       {JournalRecord{.unit = 4, .last = true, .empty = true}},
                       {record(5, 0), record(5, 1), record(5, 2, true)}});
  EXPECT_EQ(units_in({file}), "3:30,31, 4: 5:50,51,52,");
  std::string const all = bytes_of(file);
  for (std::size_t size = 0; size <= all.size(); ++size) {
    put_bytes(file, all.substr(0, size));
    EXPECT_EQ(units_in({file}), size < 128   ? ""
                                : size < 192 ? "3:30,31,"
                                : size < 384 ? "3:30,31, 4:"
                                             : "3:30,31, 4: 5:50,51,52,")
        << size << " bytes";
  }
}

TEST(Journal, nothing_counts_behind_a_bad_record) {
  fs::path const file = fresh_folder() / "journal.1.0";
  write_journal(file, {{record(3, 0, true)}, {record(4, 0), record(4, 1, true)}, {record(5, 0, true)}});
  std::string const all = bytes_of(file);
  for (std::size_t at = 0; at < all.size(); ++at) {
    std::string damaged = all;
    damaged[at] ^= 16;
    put_bytes(file, damaged);
    EXPECT_EQ(units_in({file}), at < 64 ? "" : at < 192 ? "3:30," : "3:30, 4:40,41,") << "byte " << at;
  }
}

TEST(Journal, unit_needs_all_its_records_in_one_file) {
  fs::path const folder = fresh_folder();
  fs::path const a = folder / "a", b = folder / "b", c = folder / "c";
  write_journal(a, {{record(3, 0)}});
  write_journal(b, {{record(3, 1, true)}});
  // Ends of units that lost their middle, or that an append that failed left behind another unit.
  write_journal(c, {{record(6, 0, true), record(3, 1), record(3, 2, true), record(7, 0), record(7, 2, true),
                     record(7, 1, true), record(8, 0, true), record(8, 1, true)}});
  EXPECT_EQ(units_in({a, b}), "");
  EXPECT_EQ(units_in({a, b, c}), "6:60, 8:80,");
}

TEST(Journal, records_that_fit_no_chunk_of_the_cube_are_bad) {
  fs::path const file = fresh_folder() / "journal.1.0";
  JournalRecord far = record(5, 0, true), foreign = far, huge = far, nothing = far, negative = far;
  far.chunk.chunk = arrays().front().chunks();
  foreign.chunk.array = 1;
  huge.chunk.size = 1 << 20;
  nothing.chunk.size = 0;
  negative.unit = -5;
  for (JournalRecord const& bad : {far, foreign, huge, nothing, negative}) {
    write_journal(file, {{record(3, 0, true)}, {bad}, {record(4, 0, true)}});
    EXPECT_EQ(units_in({file}), "3:30,");
  }
}

TEST(Journal, unit_with_a_revoked_chunk_does_not_count_and_another_copy_does) {
  fs::path const file = fresh_folder() / "journal.1.0";
  std::vector<JournalRecord> copy = {record(3, 0), record(3, 1, true)};
  for (JournalRecord& one : copy) one.chunk.offset += 1 << 20;
  JournalRecord revoked = {.unit = -1, .revoked = true, .chunk = record(3, 1).chunk};
  write_journal(file, {{record(3, 0), record(3, 1, true)}, {revoked}, {record(4, 0, true)}});
  RevokedCopies const copies = {copy_named_by(record(3, 1).chunk)};
  EXPECT_EQ(units_in({file}, copies), "4:40,");
  write_journal(file, {{record(3, 0), record(3, 1, true)}, copy});
  EXPECT_EQ(units_in({file}, copies), "3:30,31,");
  EXPECT_EQ(units_in({file}), "3:30,31, 3:30,31,");
}

TEST(Journal, long_journal_is_read_in_pieces) {
  fs::path const file = fresh_folder() / "journal.1.0";
  std::vector<JournalRecord> many;
  for (std::int64_t unit = 0; unit < 40; ++unit) {
    for (std::uint32_t i = 0; i < 1000; ++i) many.push_back(record(unit, i, i == 999));
  }
  write_journal(file, {many});
  JournalReader reader(file);
  for (JournalRecord const& expected : many) {
    auto const one = reader.next();
    ASSERT_TRUE(one.has_value());
    ASSERT_EQ(packed(*one), packed(expected));
  }
  EXPECT_FALSE(reader.next().has_value());
}

TEST(Journal, nothing_is_appended_after_a_failure) {
  for (auto const call : {DiskFaults::write, DiskFaults::sync}) {
    fs::path const file = fresh_folder() / "journal.1.0";
    Journal journal(file);
    std::vector<JournalRecord> const one = {record(3, 0, true)}, two = {record(4, 0, true)};
    journal.append(one);
    faults.watch(call, 0);
    faults.fail_with = EIO;
    EXPECT_THROW(journal.append(two), Error);
    faults.fail_with = 0;
    EXPECT_THROW(journal.append(two), Error);
    EXPECT_THAT(units_in({file}), ::testing::StartsWith("3:30,"));
  }
}

}  // namespace
}  // namespace stfcube
