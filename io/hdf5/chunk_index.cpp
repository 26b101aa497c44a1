#include "stfcube/io/hdf5/chunk_index.hpp"

#include <utility>

#include "stfcube/io/hdf5/serial_file.hpp"

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

struct ChunkIndex::State {
  std::vector<CubeArray> arrays;
  SerialFile file;
  std::uint32_t open_array;
  Dataset dataset;
  std::vector<std::byte> nothing;  ///< the library wants bytes to write; the driver does not look at them

  void add(StoredChunk const& chunk) {
    CubeArray const& array = arrays.at(chunk.array);
    if (chunk.array != open_array) {
      dataset = Dataset(checked(H5Dopen2(file, array.name.c_str(), H5P_DEFAULT), array.name));
      open_array = chunk.array;
    }
    if (nothing.size() < chunk.size) nothing.resize(chunk.size);
    file.place_next(chunk.offset, chunk.size);
    auto const first = first_element(array, chunk.chunk);
    checked(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, first.data(), chunk.size, nothing.data()),
            "indexing " + array.name);
  }
};

ChunkIndex::ChunkIndex(std::filesystem::path const& path, std::vector<CubeArray> arrays, std::uint64_t end)
    : state_(new State{std::move(arrays), SerialFile::open_with_pixels(path, end), UINT32_MAX, {}, {}}) {}

ChunkIndex::~ChunkIndex() = default;

void ChunkIndex::add(std::span<StoredChunk const> chunks) {
  state_->file.doing([&] {
    for (StoredChunk const& chunk : chunks) state_->add(chunk);
  });
}

void ChunkIndex::close() {
  state_->dataset.reset();
  state_->file.close();
}

}  // namespace stfcube::hdf5
