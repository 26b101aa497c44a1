#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/io/staged/plain_file.hpp"
#include "stfcube/io/staged/stored_chunk.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The chunks of all ranks in the order in which the finished file holds them: by array and number.
/// @collective @throws Error(internal) on every rank when a chunk was written twice
std::vector<StoredChunk> all_in_order(std::vector<StoredChunk> const& mine, Communicator const& comm);

/// Where the chunks come to lie one behind the other from byte `begin` on; the last entry is the end of all.
std::vector<std::uint64_t> ordered_offsets(std::vector<StoredChunk> const& chunks, std::uint64_t begin);

/// Copies one of `shares` about equal parts of the chunks from their places in `source` to `offsets` in
/// `target`, on the threads of the surrounding arena, and compares every checksum on the way. @throws
/// Error(io)
void copy_share(std::vector<StoredChunk> const& chunks, std::vector<std::uint64_t> const& offsets,
                PlainFile const& source, PlainFile const& target, int share, int shares);

}  // namespace stfcube
