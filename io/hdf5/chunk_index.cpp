#include "stfcube/io/hdf5/chunk_index.hpp"

#include <algorithm>

#include "stfcube/io/hdf5/serial_file.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::hdf5 {
namespace {

/// First element of a chunk in the dataset's dimensions.
std::vector<hsize_t> first_element(CubeArray const& array, std::int64_t chunk) {
  auto const index = array.chunk_index(chunk);
  std::vector<hsize_t> first;
  for (std::size_t axis = 0; axis < 4; ++axis) {
    if (axis == 1 && !array.banded) continue;
    first.push_back(static_cast<hsize_t>(index[axis]) * static_cast<hsize_t>(array.chunk[axis]));
  }
  return first;
}

}  // namespace

void add_chunk_index(std::filesystem::path const& path, std::vector<CubeArray> const& arrays,
                     std::span<StoredChunk const> chunks, std::span<std::uint64_t const> offsets) {
  ensure(offsets.size() == chunks.size() + 1, "each chunk has a place");
  SerialFile file = SerialFile::open_with_pixels(path, offsets.back());
  // The library wants bytes to write; the driver does not look at them.
  auto const largest = std::ranges::max_element(chunks, {}, &StoredChunk::size);
  std::vector<std::byte> const nothing(chunks.empty() ? 0 : largest->size);
  Dataset dataset;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    CubeArray const& array = arrays[chunks[i].array];
    if (i == 0 || chunks[i].array != chunks[i - 1].array) {
      dataset = Dataset(checked(H5Dopen2(file, array.name.c_str(), H5P_DEFAULT), array.name));
    }
    file.place_next(offsets[i], chunks[i].size);
    auto const first = first_element(array, chunks[i].chunk);
    checked(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, first.data(), chunks[i].size, nothing.data()),
            "indexing " + array.name);
  }
  dataset.reset();
  file.close();
}

}  // namespace stfcube::hdf5
