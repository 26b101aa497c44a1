#include "stfcube/io/staged/chunk_coder.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <zstd.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// ISA-L's own level. Levels 1 and 2 are faster, but what they write depends on where their memory lies (seen
/// with 2.30: now and then a match more or less, a byte longer or shorter).
constexpr std::uint32_t fast_level = 3;

/// ISA-L begins a new Huffman code when this buffer is full. The low and the high bytes of a shuffled chunk
/// then have codes of their own, which is worth an eighth of the size at 256 x 256.
constexpr std::size_t token_bytes = ISAL_DEF_LVL3_SMALL;

/// Low bytes, then high bytes: HDF5's shuffle of two-byte items. Two plain streams, which compilers
/// vectorise.
void shuffle(std::span<std::byte const> raw, std::byte* __restrict out) {
  std::size_t const items = raw.size() / 2;
  std::byte const* __restrict const in = raw.data();
  std::byte* __restrict const high = out + items;
  for (std::size_t i = 0; i < items; ++i) {
    out[i] = in[2 * i];
    high[i] = in[2 * i + 1];
  }
}

unsigned char* bytes(std::byte* at) {
  return reinterpret_cast<unsigned char*>(at);
}

}  // namespace

struct ChunkCoder::State {
  explicit State(Compression const& how) : compression(how) {
    if (compression.coder == Coder::zstd) {
      zstd.reset(ZSTD_createCCtx());
      ensure(zstd != nullptr, "the compressor has its memory");
      ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_compressionLevel, compression.level);
      // So that every reader finds damaged bytes, as with zlib streams.
      ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_checksumFlag, 1);
    } else if (compression.level > 1) {
      deflate.reset(libdeflate_alloc_compressor(compression.level));
      ensure(deflate != nullptr, "the compressor has its memory");
    }
  }

  std::size_t compress(std::span<std::byte> in, std::span<std::byte> out) {
    if (zstd) return frame(in, out);
    return deflate ? thorough(in, out) : fast(in, out);
  }

  Compression const compression;
  std::vector<std::byte> shuffled;

 private:
  std::size_t fast(std::span<std::byte> in, std::span<std::byte> out) {
    isal_deflate_stateless_init(&stream);
    stream.level = fast_level;
    stream.level_buf = tokens.data();
    stream.level_buf_size = static_cast<std::uint32_t>(tokens.size());
    stream.gzip_flag = IGZIP_ZLIB;
    stream.end_of_stream = 1;
    stream.next_in = bytes(in.data());
    stream.avail_in = static_cast<std::uint32_t>(in.size());
    stream.next_out = bytes(out.data());
    stream.avail_out = static_cast<std::uint32_t>(out.size());
    ensure(isal_deflate_stateless(&stream) == COMP_OK, "the compressed chunk fits");
    return stream.total_out;
  }

  std::size_t thorough(std::span<std::byte const> in, std::span<std::byte> out) {
    std::size_t const size =
        libdeflate_zlib_compress(deflate.get(), in.data(), in.size(), out.data(), out.size());
    ensure(size > 0, "the compressed chunk fits");
    return size;
  }

  std::size_t frame(std::span<std::byte const> in, std::span<std::byte> out) {
    std::size_t const size = ZSTD_compress2(zstd.get(), out.data(), out.size(), in.data(), in.size());
    ensure(ZSTD_isError(size) == 0, "the compressed chunk fits");
    return size;
  }

  struct Free {
    void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
    void operator()(ZSTD_CCtx* compressor) const { ZSTD_freeCCtx(compressor); }
  };

  std::unique_ptr<libdeflate_compressor, Free> deflate;
  std::unique_ptr<ZSTD_CCtx, Free> zstd;
  isal_zstream stream{};
  std::array<std::uint8_t, token_bytes> tokens{};
};

ChunkCoder::ChunkCoder(Compression const& compression) : state_(std::make_unique<State>(compression)) {}

ChunkCoder::~ChunkCoder() = default;

std::size_t ChunkCoder::bound(std::size_t raw_bytes) {
  // All libraries store what does not compress, in blocks with heads of at most five bytes.
  return raw_bytes + raw_bytes / 256 + 1024;
}

std::size_t ChunkCoder::encode(std::span<std::byte const> raw, int item_bytes, std::span<std::byte> out) {
  ensure(item_bytes == 1 || item_bytes == 2, "chunks have items of one or two bytes");
  ensure(out.size() >= bound(raw.size()), "there is room for the stored chunk");
  if (state_->compression.coder == Coder::none) {
    std::ranges::copy(raw, out.begin());
    return raw.size();
  }
  std::vector<std::byte>& in = state_->shuffled;
  in.resize(raw.size());
  if (item_bytes == 2) {
    shuffle(raw, in.data());
  } else {
    std::ranges::copy(raw, in.begin());
  }
  return state_->compress(in, out);
}

}  // namespace stfcube
