#include "stfcube/io/staged/chunk_decoder.hpp"

#include <algorithm>
#include <new>

#include <fmt/format.h>
#include <libdeflate.h>
#include <zstd.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

struct ChunkDecoder::State {
  explicit State(Coder coder)
      : deflate(coder == Coder::deflate ? libdeflate_alloc_decompressor() : nullptr),
        zstd(coder == Coder::zstd ? ZSTD_createDCtx() : nullptr),
        as_they_are(coder == Coder::none) {
    if (!as_they_are && !deflate && !zstd) throw std::bad_alloc();
  }

  /// @return what is wrong
  std::optional<std::string> decompress(std::span<std::byte const> stored, std::span<std::byte> out) {
    return zstd ? expand(stored, out) : inflate(stored, out);
  }

  struct Free {
    void operator()(libdeflate_decompressor* decoder) const { libdeflate_free_decompressor(decoder); }
    void operator()(ZSTD_DCtx* decoder) const { ZSTD_freeDCtx(decoder); }
  };
  std::unique_ptr<libdeflate_decompressor, Free> deflate;
  std::unique_ptr<ZSTD_DCtx, Free> zstd;
  bool as_they_are;

 private:
  std::optional<std::string> inflate(std::span<std::byte const> stored, std::span<std::byte> out) {
    std::size_t used = 0;
    // Without a place for the size of the result a shorter one is an error.
    auto const result = libdeflate_zlib_decompress_ex(deflate.get(), stored.data(), stored.size(), out.data(),
                                                      out.size(), &used, nullptr);
    if (result != LIBDEFLATE_SUCCESS)
      return "is damaged: its zlib stream cannot be decoded, or its checksum is wrong";
    if (used != stored.size())
      return fmt::format("has {} bytes behind its zlib stream", stored.size() - used);
    return std::nullopt;
  }

  std::optional<std::string> expand(std::span<std::byte const> stored, std::span<std::byte> out) {
    std::size_t const size =
        ZSTD_decompressDCtx(zstd.get(), out.data(), out.size(), stored.data(), stored.size());
    if (ZSTD_isError(size) != 0) return fmt::format("is damaged: {}", ZSTD_getErrorName(size));
    if (size != out.size()) return fmt::format("has {} bytes in its zstd frame, not {}", size, out.size());
    return std::nullopt;
  }
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

ChunkDecoder::ChunkDecoder(Coder coder) : state_(std::make_unique<State>(coder)) {}

ChunkDecoder::~ChunkDecoder() = default;

std::optional<std::string> ChunkDecoder::decode(std::span<std::byte const> stored, int item_bytes,
                                                std::span<std::byte> raw) {
  ensure(item_bytes == 1 || item_bytes == 2, "items have one or two bytes");
  if (state_->as_they_are) {
    if (stored.size() != raw.size())
      return fmt::format("has {} stored bytes, not {}", stored.size(), raw.size());
    std::ranges::copy(stored, raw.begin());
    return std::nullopt;
  }
  bool const shuffled = item_bytes == 2;
  if (shuffled) shuffled_.resize(raw.size());
  auto wrong = state_->decompress(stored, shuffled ? std::span(shuffled_) : raw);
  if (!wrong && shuffled) unshuffle(shuffled_, raw);
  return wrong;
}

}  // namespace stfcube
