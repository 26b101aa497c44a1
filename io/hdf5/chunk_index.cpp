#include "stfcube/io/hdf5/chunk_index.hpp"

#include <utility>

#include "stfcube/io/hdf5/datasets.hpp"
#include "stfcube/io/hdf5/serial_file.hpp"

namespace stfcube::hdf5 {

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
