#pragma once

#include <filesystem>

#include "stfcube/io/chunk_checksums.hpp"
#include "stfcube/io/cube.hpp"

namespace stfcube::hdf5 {

/// Names that the writers, the reader and the tests share (docs/cube-format.md).
namespace attribute {
inline constexpr char const* format_version = "stfcube_format_version";
inline constexpr char const* content_digest = "stfcube_content_digest";
inline constexpr char const* completeness = "stfcube_completeness";
}  // namespace attribute
inline constexpr char const* failed_tiles_path = "/provenance/failed_tiles";
inline constexpr char const* chunk_checksum_path = "/provenance/chunk_checksum";

/// Writes a cube that has everything but pixels: dimensions, coordinates, grid mapping, empty bulk arrays,
/// provenance, attributes, in the order of the format. Strings of variable length cannot be written in
/// parallel, and one rank is faster anyway. Equal layouts give equal bytes. @throws Error(io)
void write_skeleton(std::filesystem::path const& path, CubeLayout const& layout);

/// Fills in what is known at the end only. The lengths were reserved: nothing in the file moves, new bytes go
/// behind its end. @throws Error(io)
void complete_skeleton(std::filesystem::path const& path, std::string const& content_digest,
                       ChunkChecksums const& checksums, CubeSummary const& summary);

}  // namespace stfcube::hdf5
