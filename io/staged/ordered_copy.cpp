#include "stfcube/io/staged/ordered_copy.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>

#include <fmt/format.h>

#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

/// Bytes that one thread holds; a larger chunk goes alone.
constexpr std::uint64_t piece_bytes = std::uint64_t{4} << 20;

auto place(StoredChunk const& chunk) {
  return std::tuple(chunk.array, chunk.chunk);
}

/// Ends of runs of chunks between `first` and `last`, each of about `piece_bytes`; `first` itself leads.
std::vector<std::size_t> cuts(std::vector<std::uint64_t> const& offsets, std::size_t first,
                              std::size_t last) {
  std::vector<std::size_t> all = {first};
  while (all.back() < last) {
    std::size_t end = all.back() + 1;
    while (end < last && offsets[end + 1] - offsets[all.back()] <= piece_bytes) ++end;
    all.push_back(end);
  }
  return all;
}

void copy_run(std::vector<StoredChunk> const& chunks, std::vector<std::uint64_t> const& offsets,
              PlainFile const& source, PlainFile const& target, std::size_t first, std::size_t last) {
  std::vector<std::byte> bytes(offsets[last] - offsets[first]);
  for (std::size_t i = first; i < last; ++i) {
    auto const one = std::span(bytes).subspan(offsets[i] - offsets[first], chunks[i].size);
    source.read(chunks[i].offset, one);
    require(crc32c(one) == chunks[i].stored_crc, ErrorKind::io,
            fmt::format(
                "{}: {} bytes at {} do not read as they were written (wrong checksum). The file system lost "
                "data; run the job again, on another one if need be.",
                source.path().string(), chunks[i].size, chunks[i].offset));
  }
  target.write(offsets[first], bytes);
}

}  // namespace

std::vector<StoredChunk> all_in_order(std::vector<StoredChunk> const& mine, Communicator const& comm) {
  std::string bytes(mine.size() * sizeof(StoredChunk), '\0');
  if (!mine.empty()) std::memcpy(bytes.data(), mine.data(), bytes.size());
  std::vector<StoredChunk> all;
  for (std::string const& piece : comm.all_gather(bytes)) {
    auto const before = all.size();
    all.resize(before + piece.size() / sizeof(StoredChunk));
    if (!piece.empty()) std::memcpy(all.data() + before, piece.data(), piece.size());
  }
  std::ranges::sort(all, {}, place);
  ensure(std::ranges::adjacent_find(all, {}, place) == all.end(), "each chunk is written once");
  return all;
}

std::vector<std::uint64_t> ordered_offsets(std::vector<StoredChunk> const& chunks, std::uint64_t begin) {
  std::vector<std::uint64_t> offsets = {begin};
  offsets.reserve(chunks.size() + 1);
  for (StoredChunk const& chunk : chunks) offsets.push_back(offsets.back() + chunk.size);
  return offsets;
}

void copy_share(std::vector<StoredChunk> const& chunks, std::vector<std::uint64_t> const& offsets,
                PlainFile const& source, PlainFile const& target, int share, int shares) {
  std::uint64_t const each = (offsets.back() - offsets.front()) / static_cast<std::uint64_t>(shares) + 1;
  auto const begin_of = [&](int part) {
    std::uint64_t const from = offsets.front() + each * static_cast<std::uint64_t>(part);
    auto const first = std::ranges::lower_bound(offsets, std::min(from, offsets.back()));
    return static_cast<std::size_t>(first - offsets.begin());
  };
  std::vector<std::size_t> const runs = cuts(offsets, begin_of(share), begin_of(share + 1));
  parallel_for(0, static_cast<int>(runs.size()) - 1, [&](int i) {
    auto const run = static_cast<std::size_t>(i);
    copy_run(chunks, offsets, source, target, runs[run], runs[run + 1]);
  });
}

}  // namespace stfcube
