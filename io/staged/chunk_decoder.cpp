#include "stfcube/io/staged/chunk_decoder.hpp"

#include <algorithm>
#include <new>

#include <fmt/format.h>
#include <libdeflate.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

struct ChunkDecoder::State {
  libdeflate_decompressor* deflate = nullptr;  ///< null: chunks are stored as they are
  ~State() { libdeflate_free_decompressor(deflate); }
};

namespace {

/// Bytes of equal weight lie side by side; brings them together again.
void unshuffle(std::span<std::byte const> shuffled, std::span<std::byte> raw) {
  std::size_t const items = raw.size() / 2;
  for (std::size_t i = 0; i < items; ++i) {
    raw[2 * i] = shuffled[i];
    raw[2 * i + 1] = shuffled[items + i];
  }
}

}  // namespace

ChunkDecoder::ChunkDecoder(bool deflated) : state_(std::make_unique<State>()) {
  if (!deflated) return;
  state_->deflate = libdeflate_alloc_decompressor();
  if (state_->deflate == nullptr) throw std::bad_alloc();
}

ChunkDecoder::~ChunkDecoder() = default;

std::optional<std::string> ChunkDecoder::decode(std::span<std::byte const> stored, int item_bytes,
                                                std::span<std::byte> raw) {
  ensure(item_bytes == 1 || item_bytes == 2, "items have one or two bytes");
  if (state_->deflate == nullptr) {
    if (stored.size() != raw.size())
      return fmt::format("has {} stored bytes, not {}", stored.size(), raw.size());
    std::ranges::copy(stored, raw.begin());
    return std::nullopt;
  }
  bool const shuffled = item_bytes == 2;
  if (shuffled) shuffled_.resize(raw.size());
  std::span<std::byte> const inflated = shuffled ? std::span(shuffled_) : raw;
  std::size_t used = 0;
  // Without a place for the size of the result a shorter one is an error.
  auto const result = libdeflate_zlib_decompress_ex(state_->deflate, stored.data(), stored.size(),
                                                    inflated.data(), inflated.size(), &used, nullptr);
  if (result != LIBDEFLATE_SUCCESS)
    return "is damaged: its zlib stream cannot be decoded, or its checksum is wrong";
  if (used != stored.size()) return fmt::format("has {} bytes behind its zlib stream", stored.size() - used);
  if (shuffled) unshuffle(shuffled_, raw);
  return std::nullopt;
}

}  // namespace stfcube
