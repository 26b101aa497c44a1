#include "stfcube/io/content_digest.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

#include <fmt/format.h>

#include "stfcube/partitioning/core/digest.hpp"

namespace stfcube {
namespace {

using Record = ContentDigest::Record;

bool is_empty(std::span<std::byte const> raw, CubeArray const& array) {
  // All elements are equal when the bytes are equal to themselves, shifted by one element.
  auto const size = static_cast<std::size_t>(array.item_bytes);
  std::int16_t const fill = static_cast<std::int16_t>(array.fill);
  return std::memcmp(raw.data(), &fill, size) == 0 &&
         std::memcmp(raw.data(), raw.data() + size, raw.size() - size) == 0;
}

auto place(Record const& record) {
  return std::tuple(record.array, record.chunk);
}

}  // namespace

ContentDigest::ContentDigest(std::vector<CubeArray> arrays) : arrays_(std::move(arrays)) {}

std::optional<std::uint32_t> ContentDigest::checksum(CubeArray const& array, std::span<std::byte const> raw) {
  ensure(raw.size() == array.chunk_bytes(), "a chunk has its full size");
  if (is_empty(raw, array)) return std::nullopt;
  return crc32c(raw);
}

void ContentDigest::add(std::size_t array, std::array<int, 4> const& index, std::span<std::byte const> raw) {
  CubeArray const& one = arrays_.at(array);
  if (auto const crc = checksum(one, raw)) add(array, one.chunk_number(index), *crc);
}

std::string ContentDigest::line(CubeArray const& array, std::int64_t chunk, std::uint32_t checksum) {
  auto const index = array.chunk_index(chunk);
  std::string const band = array.banded ? fmt::format(" {}", index[1]) : "";
  return fmt::format("{} {}{} {} {} {} {:08x}\n", array.name, index[0], band, index[2], index[3],
                     array.chunk_bytes(), checksum);
}

void ContentDigest::add(std::size_t array, std::int64_t chunk, std::uint32_t checksum) {
  records_.push_back({chunk, static_cast<std::uint32_t>(array), checksum});
}

std::array<int, 4> ContentDigest::index_of(Record const& record) const {
  return arrays_[record.array].chunk_index(record.chunk);
}

ContentDigest ContentDigest::merged(Communicator const& comm) const {
  ContentDigest all(arrays_);
  all.records_ = comm.gather_values(records_);
  std::ranges::sort(all.records_, {}, place);
  ensure(std::ranges::adjacent_find(all.records_, {}, place) == all.records_.end(),
         "each chunk is written once");
  return all;
}

std::string ContentDigest::hex() const {
  Sha256 digest;
  for (Record const& record : records_) digest.add(line(arrays_[record.array], record.chunk, record.crc));
  return digest.hex();
}

std::string ContentDigest::merged_hex(Communicator const& comm) const {
  return merged(comm).hex();
}

}  // namespace stfcube
