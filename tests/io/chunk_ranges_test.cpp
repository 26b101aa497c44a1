#include "stfcube/io/staged/chunk_ranges.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using namespace stfcube::testing;

constexpr int unit_chunks = 700, journals = 5;

/// A hundred and fifty thousand chunks, more than a rank sends in one pass.
std::vector<CubeArray> large_arrays() {
  CubeArray values = {.name = "reflectance", .shape = {1, 3, 200, 200}, .chunk = {1, 1, 1, 1}};
  CubeArray flags = {.name = "quality",
                     .shape = {1, 1, 200, 150},
                     .chunk = {1, 1, 1, 1},
                     .item_bytes = 1,
                     .fill = 1,
                     .banded = false};
  return {values, flags};
}

StoredChunk chunk_at(std::int64_t number, std::uint64_t offset) {
  std::int64_t const values = large_arrays().front().chunks();
  bool const flags = number >= values;
  return {.chunk = flags ? number - values : number,
          .offset = offset,
          .array = flags ? 1U : 0U,
          .size = static_cast<std::uint32_t>(1 + number % 7),
          .stored_crc = static_cast<std::uint32_t>(number),
          .raw_crc = 0};
}

class ChunkRangesTest : public ::testing::Test {
 protected:
  ChunkRangesTest() {
    for (CubeArray const& array : large_arrays()) chunks += array.chunks();
    for (int i = 0; i < journals; ++i) paths.push_back(folder / ("journal.1." + std::to_string(i)));
  }

  /// Units of consecutive chunks in any order in several journals, every tenth twice, at places one behind
  /// the other.
  void write_journals() {
    std::vector<std::int64_t> units;
    for (std::int64_t unit = 0; unit * unit_chunks < chunks; ++unit) {
      units.push_back(unit);
      if (unit % 10 == 0) units.push_back(unit);
    }
    std::ranges::shuffle(units, std::mt19937(5));
    std::uint64_t offset = 4096;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      std::optional<Journal> journal;
      if (world().is_root()) journal.emplace(paths[i]);
      for (std::size_t k = i; k < units.size(); k += paths.size()) append(journal, units[k], offset);
    }
  }

  void append(std::optional<Journal>& journal, std::int64_t unit, std::uint64_t& offset) {
    std::vector<JournalRecord> records;
    for (std::int64_t n = unit * unit_chunks; n < std::min(chunks, (unit + 1) * unit_chunks); ++n) {
      records.push_back({.unit = unit, .position = static_cast<std::uint32_t>(records.size())});
      records.back().chunk = chunk_at(n, offset);
      first_offset.emplace(n, offset);
      offset += records.back().chunk.size;
    }
    records.back().last = true;
    if (journal) journal->append(records);
  }

  UnitReader share() const {
    std::vector<fs::path> mine;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (i % static_cast<std::size_t>(world().size()) == static_cast<std::size_t>(world().rank())) {
        mine.push_back(paths[i]);
      }
    }
    return {mine, large_arrays(), {}};
  }

  fs::path const folder = fresh_folder();
  std::vector<fs::path> paths;
  std::int64_t chunks = 0;
  std::map<std::int64_t, std::uint64_t> first_offset;  ///< of each chunk
};

TEST_F(ChunkRangesTest, bring_the_first_copies_of_all_chunks_in_order_to_the_root) {
  write_journals();
  world().barrier();
  ChunkRanges ranges(large_arrays(), world());
  UnitReader units = share();
  auto const numbers = world().gather_values(ranges.gather(units));
  EXPECT_EQ(numbers.size(), 237U);  // 215 units, 22 of them twice
  std::int64_t next = 0, bytes = 0, calls = 0, wrong = 0;
  ranges.visit_on_root([&](std::span<StoredChunk const> range) {
    ++calls;
    for (StoredChunk const& chunk : range) {
      wrong += chunk.stored_crc != static_cast<std::uint32_t>(next) || chunk.offset != first_offset.at(next);
      ++next;
      bytes += chunk.size;
    }
  });
  auto const totals = ranges.totals();
  EXPECT_EQ(totals.chunks, chunks);
  EXPECT_EQ(totals.extent.begin, 4096U);
  if (!world().is_root()) {
    EXPECT_EQ(calls, 0);
    return;
  }
  EXPECT_EQ(next, chunks);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(totals.bytes, bytes);
  EXPECT_GE(calls, world().size());
}

TEST_F(ChunkRangesTest, are_dealt_out_evenly_and_lie_one_behind_the_other) {
  write_journals();
  world().barrier();
  ChunkRanges ranges(large_arrays(), world());
  UnitReader units = share();
  ranges.gather(units);
  auto const begins = ranges.ordered_begins(10000);
  ASSERT_EQ(begins.size(), ranges.mine().size());
  std::int64_t held = 0;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    ASSERT_FALSE(ranges.mine()[i].empty());
    held += static_cast<std::int64_t>(ranges.mine()[i].size());
    // Chunk n has 1 + n % 7 bytes.
    std::int64_t const first = ranges.mine()[i].front().stored_crc;
    std::int64_t before = first / 7 * 28;
    for (std::int64_t n = first / 7 * 7; n < first; ++n) before += 1 + n % 7;
    EXPECT_EQ(begins[i], 10000U + static_cast<std::uint64_t>(before));
  }
  EXPECT_LE(held, chunks / world().size() + chunks / 20);
}

TEST_F(ChunkRangesTest, failure_of_the_root_reaches_all_ranks) {
  write_journals();
  world().barrier();
  ChunkRanges ranges(large_arrays(), world());
  UnitReader units = share();
  ranges.gather(units);
  EXPECT_THROW(ranges.visit_on_root([](auto) { throw Error(ErrorKind::io, "full"); }), Error);
}

}  // namespace
}  // namespace stfcube
