#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/io/staged/stored_chunk.hpp"

namespace stfcube::hdf5 {

/// Tells a cube file that has its skeleton and, behind it, the stored bytes of its chunks where each chunk
/// lies. New metadata go behind the last chunk. One rank does it, with a file driver of its own that writes
/// no pixels (docs/decisions/0005).
/// @param chunks   in order (array, number); their own offsets are not looked at
/// @param offsets  one for each chunk, ascending, and the end of the last one, where the file ends now
/// @throws Error(io)
void add_chunk_index(std::filesystem::path const& path, std::vector<CubeArray> const& arrays,
                     std::span<StoredChunk const> chunks, std::span<std::uint64_t const> offsets);

}  // namespace stfcube::hdf5
