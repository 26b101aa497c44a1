#pragma once

#include <string>

#include "stfcube/io/compression.hpp"
#include "stfcube/io/hdf5/handle.hpp"

namespace stfcube::hdf5 {

/// Number under which HDF5's registry of filters knows zstd. Its only parameter is the level.
inline constexpr H5Z_filter_t zstd_filter = 32015;

/// Sets the filters that a chunk of items of `item_bytes` goes through. @throws Error(io)
void set_filters(hid_t creation_list, Compression const& compression, int item_bytes);

/// Without the filters of a dataset HDF5 opens it and fails at the first chunk.
/// @throws Error(data) that says what is missing and where it is looked for
void require_filters(hid_t dataset, std::string const& name);

}  // namespace stfcube::hdf5
