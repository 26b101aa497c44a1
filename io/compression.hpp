#pragma once

namespace stfcube {

enum class Coder { none, deflate, zstd };

/// How the chunks of a cube are compressed (`cube.compression`).
struct Compression {
  Coder coder = Coder::deflate;
  int level = 1;  ///< deflate: 1 to 9; zstd: 1 to 19
};
inline constexpr Compression no_compression = {Coder::none, 0};

/// Whether the cube file library here can store such chunks and read them. It has deflate of its own; zstd is
/// a plugin that is found where HDF5_PLUGIN_PATH points to.
bool has_filter(Compression const& compression);

}  // namespace stfcube
