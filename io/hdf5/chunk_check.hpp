#pragma once

#include <filesystem>

#include "stfcube/io/content_digest.hpp"

namespace stfcube::hdf5 {

/// Reads some of the chunks that this rank added to `digest` back from a complete file, evenly spread: all of
/// them in a small cube, a bounded number in a large one. Meant for layers that lose data
/// (docs/decisions/0004), not for bit rot. @throws Error(io) when a chunk is not what was written
void check_sample(std::filesystem::path const& path, ContentDigest const& digest);

}  // namespace stfcube::hdf5
