#include "stfcube/io/staged/chunk_decoder.hpp"

#include <gtest/gtest.h>

#include "stfcube/io/staged/chunk_coder.hpp"

namespace stfcube {
namespace {

constexpr Compression deflate = {Coder::deflate, 6}, zstd = {Coder::zstd, 3};

std::vector<std::byte> some_bytes() {
  std::vector<std::byte> raw(4000);
  for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<std::byte>(i * i / 7 % 61);
  return raw;
}

std::vector<std::byte> encoded(std::vector<std::byte> const& raw, Compression const& compression,
                               int item_bytes) {
  std::vector<std::byte> stored(ChunkCoder::bound(raw.size()));
  stored.resize(ChunkCoder(compression).encode(raw, item_bytes, stored));
  return stored;
}

TEST(ChunkDecoder, gives_back_what_the_coder_stored) {
  auto const raw = some_bytes();
  for (Compression const& how :
       {no_compression, Compression{Coder::deflate, 1}, Compression{Coder::deflate, 6},
        Compression{Coder::deflate, 9}, zstd, Compression{Coder::zstd, 19}}) {
    for (int const item_bytes : {1, 2}) {
      ChunkDecoder decoder(how.coder);
      std::vector<std::byte> found(raw.size());
      EXPECT_FALSE(decoder.decode(encoded(raw, how, item_bytes), item_bytes, found))
          << static_cast<int>(how.coder) << ":" << how.level << " " << item_bytes;
      EXPECT_EQ(found, raw) << static_cast<int>(how.coder) << ":" << how.level << " " << item_bytes;
    }
  }
}

class ChunkDecoderOf : public ::testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(All, ChunkDecoderOf, ::testing::Values(deflate, zstd));

TEST_P(ChunkDecoderOf, finds_a_wrong_checksum_and_bytes_that_are_missing_or_too_many) {
  auto const raw = some_bytes();
  auto const sound = encoded(raw, GetParam(), 2);
  ChunkDecoder decoder(GetParam().coder);
  std::vector<std::byte> found(raw.size());
  auto const damaged = [&](auto const& change) {
    auto stored = sound;
    change(stored);
    return decoder.decode(stored, 2, found).value_or("");
  };
  EXPECT_EQ(damaged([](auto&) {}), "");
  EXPECT_NE(damaged([](auto& s) { s.back() ^= std::byte{1}; }), "");
  EXPECT_NE(damaged([](auto& s) { s[s.size() / 2] ^= std::byte{8}; }), "");
  EXPECT_NE(damaged([](auto& s) { s.resize(s.size() / 2); }), "");
  EXPECT_NE(damaged([](auto& s) { s.resize(s.size() + 2); }), "");
}

TEST_P(ChunkDecoderOf, finds_a_chunk_of_another_size) {
  auto const raw = some_bytes();
  std::vector<std::byte> shorter(raw.size() - 2), longer(raw.size() + 2);
  ChunkDecoder decoder(GetParam().coder), copying(Coder::none);
  EXPECT_TRUE(decoder.decode(encoded(raw, GetParam(), 2), 2, shorter));
  EXPECT_TRUE(decoder.decode(encoded(raw, GetParam(), 2), 2, longer));
  EXPECT_EQ(copying.decode(raw, 2, longer), "has 4000 stored bytes, not 4002");
}

}  // namespace
}  // namespace stfcube
