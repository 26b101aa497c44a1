#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// What was found in a finished cube. The same on every rank, and for any number of ranks.
struct CubeCheck {
  std::vector<std::string>
      problems;  ///< the first of them, one line each: structure, then chunks in the order of the grid
  std::int64_t problem_count = 0;  ///< 0: the cube is whole
  std::int64_t chunks = 0;         ///< that were checked, stored or not
  std::int64_t stored_chunks = 0, stored_bytes = 0;
  std::string content_digest;      ///< of the pixels as they are; empty when some cannot be read
  std::vector<std::string> holes;  ///< tiles that failed, as the run named them; no problem by themselves
};

/// How many problems are named.
inline constexpr std::size_t most_named_problems = 20;

/// Checks everything that can be checked in a finished cube: the objects and attributes of the format and
/// whether they agree with each other; that every chunk reads and is what was written (checksum of the chunk,
/// content digest of all); the rules for pixels (PixelCheck). Chunks are shared out among the ranks, each of
/// which reads the file by itself and decodes on its threads; memory stays at some chunks per thread and 16
/// bytes for each chunk of the cube. A file that cannot be opened is a problem like others. @collective
/// @throws Error(data) when there is no such file
CubeCheck check_cube(std::filesystem::path const& path, Communicator const& comm);

}  // namespace stfcube
