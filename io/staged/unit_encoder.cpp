#include "stfcube/io/staged/unit_encoder.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "stfcube/io/content_digest.hpp"
#include "stfcube/io/staged/chunk_coder.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {

static_assert(std::endian::native == std::endian::little, "chunks are stored as they are in memory");

/// What one thread needs; kept from chunk to chunk.
struct UnitEncoder::Worker {
  ChunkCoder coder;
  std::vector<std::byte> raw;
};

UnitEncoder::UnitEncoder(std::vector<CubeArray> arrays, Compression const& compression,
                         std::size_t batch_bytes)
    : arrays_(std::move(arrays)), compression_(compression), batch_bytes_(batch_bytes) {
  for (CubeArray const& array : arrays_) {
    slot_bytes_ = std::max(slot_bytes_, ChunkCoder::bound(array.chunk_bytes()));
  }
}

UnitEncoder::~UnitEncoder() = default;

std::size_t UnitEncoder::chunks_per_batch() const {
  return std::max<std::size_t>(1, batch_bytes_ / slot_bytes_);
}

int UnitEncoder::batches(CubeUnit const& unit) const {
  std::size_t const per_batch = chunks_per_batch();
  return static_cast<int>((places(unit).size() + per_batch - 1) / per_batch);
}

std::vector<EncodedChunk> UnitEncoder::encode(CubeUnit const& unit, int batch) {
  std::vector<Place> const all = places(unit);
  std::size_t const first = static_cast<std::size_t>(batch) * chunks_per_batch();
  std::size_t const count = std::min(chunks_per_batch(), all.size() - first);
  if (slot_count_ < count) {
    // Not initialised: pages beyond the compressed sizes are never touched and take no memory.
    slots_ = std::make_unique_for_overwrite<std::byte[]>(count * slot_bytes_);
    slot_count_ = count;
  }
  std::vector<EncodedChunk> chunks(count);
  parallel_for(0, static_cast<int>(count), [&](int i) {
    auto const slot = static_cast<std::size_t>(i);
    chunks[slot] = encode(unit, all[first + slot], {slots_.get() + slot * slot_bytes_, slot_bytes_});
  });
  std::erase_if(chunks, [](EncodedChunk const& chunk) { return chunk.bytes.empty(); });
  return chunks;
}

std::vector<UnitEncoder::Place> UnitEncoder::places(CubeUnit const& unit) const {
  std::vector<Place> list;
  for (std::size_t array = 0; array < arrays_.size(); ++array) {
    auto const [dates, bands, rows, columns] = arrays_[array].item_bytes == 1
                                                   ? chunks_covered(arrays_[array], unit.quality)
                                                   : chunks_covered(arrays_[array], unit.dn);
    for (int t = 0; t < dates; ++t) {
      for (int b = 0; b < bands; ++b) {
        for (int y = 0; y < rows; ++y) {
          for (int x = 0; x < columns; ++x) list.push_back({array, {t, b, y, x}});
        }
      }
    }
  }
  return list;
}

EncodedChunk UnitEncoder::encode(CubeUnit const& unit, Place const& place, std::span<std::byte> out) {
  CubeArray const& array = arrays_[place.array];
  std::unique_ptr<Worker> worker = hire();
  worker->raw.resize(array.chunk_bytes());
  auto const copy = [&]<class T>(Stack<T> const& values) {
    copy_chunk(array, values, place.at,
               std::span<T>(reinterpret_cast<T*>(worker->raw.data()), worker->raw.size() / sizeof(T)));
  };
  if (array.item_bytes == 1) {
    copy(unit.quality);
  } else {
    copy(place.array == 0 ? unit.dn : unit.uncertainty);
  }
  EncodedChunk chunk{};
  if (auto const crc = ContentDigest::checksum(array, worker->raw)) {
    chunk.bytes = out.first(worker->coder.encode(worker->raw, array.item_bytes, out));
    chunk.record = {
        .chunk = array.chunk_number(index_in_array(array, unit.px, unit.first_date, place.at)),
        .offset = 0,
        .array = static_cast<std::uint32_t>(place.array),
        .size = static_cast<std::uint32_t>(chunk.bytes.size()),
        .stored_crc = crc32c(chunk.bytes),
        .raw_crc = *crc,
    };
  }
  dismiss(std::move(worker));
  return chunk;
}

std::unique_ptr<UnitEncoder::Worker> UnitEncoder::hire() {
  {
    std::lock_guard const lock(mutex_);
    if (!idle_.empty()) {
      auto worker = std::move(idle_.back());
      idle_.pop_back();
      return worker;
    }
  }
  return std::unique_ptr<Worker>(new Worker{ChunkCoder(compression_), {}});
}

void UnitEncoder::dismiss(std::unique_ptr<Worker> worker) {
  std::lock_guard const lock(mutex_);
  idle_.push_back(std::move(worker));
}

}  // namespace stfcube
