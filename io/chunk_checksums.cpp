#include "stfcube/io/chunk_checksums.hpp"

#include <span>

#include "stfcube/partitioning/core/digest.hpp"

namespace stfcube {

ChunkChecksums::ChunkChecksums(std::vector<CubeArray> const& arrays) : begins_(begins(arrays)) {
  for (CubeArray const& array : arrays) {
    all_.insert(all_.end(), static_cast<std::size_t>(array.chunks()), of_empty_chunk(array));
  }
}

void ChunkChecksums::set(std::size_t array, std::int64_t chunk, std::uint32_t checksum) {
  all_.at(static_cast<std::size_t>(begins_.at(array) + chunk)) = checksum;
}

std::vector<std::int64_t> ChunkChecksums::begins(std::vector<CubeArray> const& arrays) {
  std::vector<std::int64_t> begins;
  std::int64_t next = 0;
  for (CubeArray const& array : arrays) {
    begins.push_back(next);
    next += array.chunks();
  }
  return begins;
}

std::uint32_t ChunkChecksums::of_empty_chunk(CubeArray const& array) {
  auto const crc_of = [&]<class T>(T fill) {
    std::vector<T> const chunk(array.chunk_bytes() / sizeof(T), fill);
    return crc32c(std::as_bytes(std::span(chunk)));
  };
  return array.item_bytes == 1 ? crc_of(static_cast<quality::Flags>(array.fill))
                               : crc_of(static_cast<Dn>(array.fill));
}

}  // namespace stfcube
