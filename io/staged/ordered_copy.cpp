#include "stfcube/io/staged/ordered_copy.hpp"

#include <algorithm>
#include <mutex>

#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

/// Bytes that one thread holds; a larger chunk goes alone.
constexpr std::uint64_t piece_bytes = std::uint64_t{4} << 20;

/// Ends of runs of chunks, each of about `piece_bytes`; 0 leads.
std::vector<std::size_t> cuts(std::vector<std::uint64_t> const& offsets) {
  std::vector<std::size_t> all = {0};
  std::size_t const last = offsets.size() - 1;
  while (all.back() < last) {
    std::size_t end = all.back() + 1;
    while (end < last && offsets[end + 1] - offsets[all.back()] <= piece_bytes) ++end;
    all.push_back(end);
  }
  return all;
}

}  // namespace

std::vector<std::uint64_t> ordered_offsets(std::span<StoredChunk const> chunks, std::uint64_t begin) {
  std::vector<std::uint64_t> offsets = {begin};
  offsets.reserve(chunks.size() + 1);
  for (StoredChunk const& chunk : chunks) offsets.push_back(offsets.back() + chunk.size);
  return offsets;
}

std::vector<StoredChunk> copy_checked(std::span<StoredChunk const> chunks, PlainFile const& source,
                                      PlainFile const* target, std::uint64_t begin) {
  std::vector<std::uint64_t> const offsets = ordered_offsets(chunks, begin);
  std::vector<std::size_t> const runs = cuts(offsets);
  std::mutex mutex;
  std::vector<std::size_t> damaged;
  parallel_for(0, static_cast<int>(runs.size()) - 1, [&](int i) {
    std::size_t const first = runs[static_cast<std::size_t>(i)], last = runs[static_cast<std::size_t>(i) + 1];
    std::vector<std::byte> bytes(offsets[last] - offsets[first]);
    for (std::size_t at = first; at < last; ++at) {
      auto const one = std::span(bytes).subspan(offsets[at] - offsets[first], chunks[at].size);
      source.read(chunks[at].offset, one);
      if (crc32c(one) == chunks[at].stored_crc) continue;
      std::lock_guard const lock(mutex);
      damaged.push_back(at);
    }
    if (target != nullptr) target->write(offsets[first], bytes);
  });
  std::ranges::sort(damaged);
  std::vector<StoredChunk> found;
  for (std::size_t const at : damaged) found.push_back(chunks[at]);
  return found;
}

}  // namespace stfcube
