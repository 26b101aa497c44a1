#include "stfcube/io/staged/chunk_ranges.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>

namespace stfcube {
namespace {

/// Of a range: large enough for long copies and few messages, small enough for some of them to be in memory.
constexpr std::int64_t most_chunks = 1 << 16;

/// Arrays compress differently: with several ranges each, all ranks copy about as much.
constexpr std::int64_t ranges_per_rank = 8;

/// Records that a rank sends in one pass.
constexpr std::size_t records_per_pass = std::size_t{1} << 16;

auto place(StoredChunk const& chunk) {
  return std::tuple(chunk.array, chunk.chunk, chunk.offset);
}

bool same_chunk(StoredChunk const& one, StoredChunk const& other) {
  return one.array == other.array && one.chunk == other.chunk;
}

std::int64_t bytes_of(ChunkRanges::Range const& range) {
  return std::accumulate(range.begin(), range.end(), std::int64_t{0},
                         [](std::int64_t sum, StoredChunk const& chunk) { return sum + chunk.size; });
}

}  // namespace

ChunkRanges::ChunkRanges(std::vector<CubeArray> const& arrays, Communicator const& comm) : comm_(comm) {
  std::int64_t chunks = 0;
  for (CubeArray const& array : arrays) {
    first_of_array_.push_back(chunks);
    chunks += array.chunks();
  }
  range_chunks_ = std::clamp<std::int64_t>(chunks / (ranges_per_rank * comm.size()), 1, most_chunks);
  ranges_ = (chunks + range_chunks_ - 1) / range_chunks_;
  mine_.resize(static_cast<std::size_t>((ranges_ - comm.rank() + comm.size() - 1) / comm.size()));
}

std::int64_t ChunkRanges::number_in_cube(StoredChunk const& chunk) const {
  return first_of_array_.at(chunk.array) + chunk.chunk;
}

std::vector<std::int64_t> ChunkRanges::gather(UnitReader& units) {
  std::vector<std::int64_t> numbers;
  for (bool more = true; more;) {
    std::vector<Range> to_each(static_cast<std::size_t>(comm_.size()));
    bool mine_left = false;
    comm_.together([&] { mine_left = send_some(units, to_each, numbers); });
    std::vector<std::string> messages;
    for (Range const& chunks : to_each) messages.push_back(bytes_of_values(chunks));
    to_each.clear();
    messages = comm_.exchange(messages);
    comm_.together([&] {
      for (std::string const& message : messages) {
        Range chunks;
        append_values(message, chunks);
        receive(chunks);
      }
    });
    more = comm_.max(mine_left ? 1 : 0) != 0;
  }
  settle();
  return numbers;
}

/// @return whether there may be more
bool ChunkRanges::send_some(UnitReader& units, std::vector<Range>& to_each,
                            std::vector<std::int64_t>& numbers) const {
  for (std::size_t records = 0; records < records_per_pass;) {
    std::optional<WrittenUnit> const unit = units.next();
    if (!unit) return false;
    numbers.push_back(unit->number);
    for (StoredChunk const& chunk : unit->chunks) {
      to_each[static_cast<std::size_t>(holder(number_in_cube(chunk) / range_chunks_))].push_back(chunk);
    }
    records += unit->chunks.size() + 1;
  }
  return true;
}

void ChunkRanges::receive(Range const& chunks) {
  for (StoredChunk const& chunk : chunks) {
    mine_[static_cast<std::size_t>(number_in_cube(chunk) / range_chunks_ / comm_.size())].push_back(chunk);
  }
}

void ChunkRanges::settle() {
  for (Range& range : mine_) {
    std::ranges::sort(range, {}, place);
    auto const copies = std::ranges::unique(range, same_chunk);
    range.erase(copies.begin(), copies.end());
    range.shrink_to_fit();
  }
}

ChunkRanges::Totals ChunkRanges::totals() const {
  std::vector<std::int64_t> sums(2);
  std::int64_t begin = INT64_MAX, end = 0;
  for (Range const& range : mine_) {
    sums[0] += static_cast<std::int64_t>(range.size());
    sums[1] += bytes_of(range);
    for (StoredChunk const& chunk : range) {
      begin = std::min(begin, static_cast<std::int64_t>(chunk.offset));
      end = std::max(end, static_cast<std::int64_t>(chunk.offset + chunk.size));
    }
  }
  comm_.sum(sums);
  Extent const extent = {static_cast<std::uint64_t>(-comm_.max(-begin)),
                         static_cast<std::uint64_t>(comm_.max(end))};
  return {sums[0], sums[1], extent};
}

std::vector<std::uint64_t> ChunkRanges::ordered_begins(std::uint64_t begin) const {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(ranges_));
  auto const ranks = static_cast<std::size_t>(comm_.size()), rank = static_cast<std::size_t>(comm_.rank());
  for (std::size_t i = 0; i < mine_.size(); ++i) sizes[i * ranks + rank] = bytes_of(mine_[i]);
  comm_.sum(sizes);
  std::vector<std::uint64_t> begins;
  for (std::size_t range = 0; range < sizes.size(); ++range) {
    if (range % ranks == rank) begins.push_back(begin);
    begin += static_cast<std::uint64_t>(sizes[range]);
  }
  return begins;
}

void ChunkRanges::visit_on_root(std::function<void(std::span<StoredChunk const>)> const& visit) const {
  if (!comm_.is_root()) {
    for (Range const& range : mine_) comm_.send_to_root(bytes_of_values(range));
    comm_.agree(std::nullopt);
    return;
  }
  // A failed root goes on receiving: the others could not be told before they have sent all.
  std::optional<Error> failed;
  Range received;
  for (std::int64_t i = 0; i < ranges_; ++i) {
    bool const own = holder(i) == 0;
    received.clear();
    if (!own) append_values(comm_.receive_from(static_cast<int>(holder(i))), received);
    if (failed) continue;
    try {
      visit(own ? mine_[static_cast<std::size_t>(i / comm_.size())] : received);
    } catch (...) {
      failed = current_error();
    }
  }
  comm_.agree(failed);
}

}  // namespace stfcube
