#include "stfcube/io/hdf5/chunk_check.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/io/hdf5/attributes.hpp"
#include "stfcube/partitioning/core/digest.hpp"

namespace stfcube::hdf5 {
namespace {

namespace fs = std::filesystem;

/// Reads single chunks of a finished file back and compares them with what was meant to be written.
class ChunkCheck {
 public:
  ChunkCheck(fs::path const& path, std::vector<CubeArray> const& arrays)
      : arrays_(arrays),
        file_(checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, file_access()), "opening the file again")) {}

  void operator()(ContentDigest const& digest, ContentDigest::Record const& record) {
    CubeArray const& array = arrays_[record.array];
    auto const index = digest.index_of(record);
    std::vector<hsize_t> start, count;
    for (std::size_t axis = 0; axis < 4; ++axis) {
      if (axis == 1 && !array.banded) continue;
      int const first = index[axis] * array.chunk[axis];
      start.push_back(static_cast<hsize_t>(first));
      count.push_back(static_cast<hsize_t>(std::min(array.chunk[axis], array.shape[axis] - first)));
    }
    std::uint32_t const crc = array.item_bytes == 1 ? crc_of<quality::Flags>(array, index, start, count)
                                                    : crc_of<Dn>(array, index, start, count);
    require(
        crc == record.crc, ErrorKind::io,
        fmt::format("chunk {} of {} does not read as it was written. The file system lost data, or the "
                    "MPI-IO layer when "
                    "cube.writer = collective; try OMPI_MCA_fcoll=individual with it, or another directory.",
                    fmt::join(index, " "), array.name));
  }

 private:
  template <class T>
  std::uint32_t crc_of(CubeArray const& array, std::array<int, 4> const& index,
                       std::vector<hsize_t> const& start, std::vector<hsize_t> const& count) {
    auto const extent = [&](std::size_t axis) {
      return std::min(array.chunk[axis], array.shape[axis] - index[axis] * array.chunk[axis]);
    };
    Stack<T> values(extent(0), extent(1), extent(2), extent(3));
    Dataset const dataset(checked(H5Dopen2(file_, array.name.c_str(), H5P_DEFAULT), array.name));
    Dataspace const in_file(checked(H5Dget_space(dataset), array.name));
    Dataspace const in_memory(
        checked(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), array.name));
    checked(H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
            array.name);
    checked(H5Dread(dataset, stored_type<T>(), in_memory, in_file, H5P_DEFAULT, values.all().data()),
            fmt::format("reading {} back", array.name));
    std::uint32_t crc = 0;
    for_each_chunk(array, values, {0, 0, extent(3), extent(2)}, 0,
                   [&](auto const&, std::span<T const> raw) { crc = crc32c(std::as_bytes(raw)); });
    return crc;
  }

  std::vector<CubeArray> const& arrays_;
  File file_;
};

}  // namespace

void check_sample(fs::path const& path, ContentDigest const& digest) {
  constexpr std::size_t most = 64;
  auto const& records = digest.records();
  ChunkCheck check(path, digest.arrays());
  std::size_t const stride = (records.size() + most - 1) / most;
  for (std::size_t i = 0; i < records.size(); i += stride) check(digest, records[i]);
}

}  // namespace stfcube::hdf5
