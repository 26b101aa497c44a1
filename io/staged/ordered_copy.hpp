#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/io/staged/plain_file.hpp"
#include "stfcube/io/staged/stored_chunk.hpp"

namespace stfcube {

/// Where the chunks come to lie one behind the other from byte `begin` on; the last entry is the end of all.
std::vector<std::uint64_t> ordered_offsets(std::span<StoredChunk const> chunks, std::uint64_t begin);

/// Reads the chunks from their places in `source` and compares every checksum, on the threads of the
/// surrounding arena. With a `target` they are written there one behind the other from byte `begin` on.
/// @param target  may be null. @return the chunks that are damaged, in order. @throws Error(io)
std::vector<StoredChunk> copy_checked(std::span<StoredChunk const> chunks, PlainFile const& source,
                                      PlainFile const* target, std::uint64_t begin);

}  // namespace stfcube
