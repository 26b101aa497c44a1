// A plugin that gives HDF5 the filter 32015, zstd, for the tests of cubes that are compressed with it. It is
// not linked to HDF5: the library that loads it, whichever that is, brings its own.
#include <cstddef>
#include <cstdlib>
#include <limits>

#include <H5PLextern.h>
#include <zstd.h>

namespace {

/// Replaces the content of HDF5's buffer. @return bytes of the new content; 0: failed
std::size_t replace(void** buffer, std::size_t* buffer_bytes, void* content, std::size_t room,
                    std::size_t used) {
  if (ZSTD_isError(used) != 0) {
    std::free(content);
    return 0;
  }
  std::free(*buffer);
  *buffer = content;
  *buffer_bytes = room;
  return used;
}

std::size_t zstd(unsigned flags, std::size_t parameters, unsigned const* values, std::size_t bytes,
                 std::size_t* buffer_bytes, void** buffer) {
  bool const decode = (flags & H5Z_FLAG_REVERSE) != 0;
  unsigned long long const room =
      decode ? ZSTD_getFrameContentSize(*buffer, bytes) : ZSTD_compressBound(bytes);
  if (room == ZSTD_CONTENTSIZE_UNKNOWN || room == ZSTD_CONTENTSIZE_ERROR ||
      room > std::numeric_limits<unsigned>::max())
    return 0;
  void* const content = std::malloc(room);
  if (content == nullptr) return 0;
  int const level = parameters > 0 ? static_cast<int>(values[0]) : ZSTD_CLEVEL_DEFAULT;
  std::size_t const used = decode ? ZSTD_decompress(content, room, *buffer, bytes)
                                  : ZSTD_compress(content, room, *buffer, bytes, level);
  return replace(buffer, buffer_bytes, content, room, used);
}

H5Z_class2_t const filter = {H5Z_CLASS_T_VERS,          32015,   1,       1,
                             "zstd of stfcube's tests", nullptr, nullptr, zstd};

}  // namespace

extern "C" {

H5PL_type_t H5PLget_plugin_type() {
  return H5PL_TYPE_FILTER;
}

void const* H5PLget_plugin_info() {
  return &filter;
}

}  // extern "C"
