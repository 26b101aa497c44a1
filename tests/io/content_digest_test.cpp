#include "stfcube/io/content_digest.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::world;

CubeArray product() {
  return {.name = "reflectance", .shape = {2, 2, 5, 4}, .chunk = {1, 1, 2, 4}, .fill = no_data_dn};
}
CubeArray flags() {
  return {.name = "quality",
          .shape = {2, 1, 5, 4},
          .chunk = {1, 1, 2, 4},
          .item_bytes = 1,
          .fill = 1,
          .banded = false};
}

template <class T>
std::span<std::byte const> bytes(std::vector<T> const& values) {
  return std::as_bytes(std::span(values));
}

TEST(ContentDigest, is_the_hash_of_one_line_per_chunk) {
  std::vector<Dn> const raw = {1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<quality::Flags> const raw_flags = {2, 2, 2, 2, 4, 4, 4, 4};
  ContentDigest digest({product(), flags()});
  digest.add(0, {1, 0, 2, 0}, bytes(raw));
  digest.add(1, {0, 0, 1, 0}, bytes(raw_flags));
  // CRC-32C of these bytes by an independent implementation.
  EXPECT_EQ(digest.merged_hex(Communicator()),
            sha256_hex("reflectance 1 0 2 0 16 edc127c3\nquality 0 1 0 8 09140de5\n"));
}

TEST(ContentDigest, does_not_depend_on_who_adds_in_which_order) {
  std::vector<Dn> const one = {1, 2, 3, 4, 5, 6, 7, 8}, two = {8, 7, 6, 5, 4, 3, 2, 1};
  ContentDigest forward({product()}), shared({product()});
  forward.add(0, {0, 1, 0, 0}, bytes(one));
  forward.add(0, {1, 0, 0, 0}, bytes(two));
  if (world().is_root()) shared.add(0, {1, 0, 0, 0}, bytes(two));
  if (world().rank() == world().size() - 1) shared.add(0, {0, 1, 0, 0}, bytes(one));
  EXPECT_EQ(shared.merged_hex(world()), forward.merged_hex(Communicator()));
}

TEST(ContentDigest, tells_apart_value_place_and_array) {
  std::vector<Dn> const one = {1, 2, 3, 4, 5, 6, 7, 8}, two = {1, 2, 3, 4, 5, 6, 7, 9};
  CubeArray uncertainty = product();
  uncertainty.name = "uncertainty";
  auto const hex = [&](std::size_t array, std::array<int, 4> const& index, std::vector<Dn> const& raw) {
    ContentDigest digest({product(), uncertainty});
    digest.add(array, index, bytes(raw));
    return digest.merged_hex(Communicator());
  };
  std::string const base = hex(0, {0, 0, 0, 0}, one);
  EXPECT_NE(base, hex(0, {0, 0, 0, 0}, two));
  EXPECT_NE(base, hex(0, {0, 0, 1, 0}, one));
  EXPECT_NE(base, hex(0, {0, 1, 0, 0}, one));
  EXPECT_NE(base, hex(1, {0, 0, 0, 0}, one));
}

TEST(ContentDigest, empty_chunk_is_a_hole) {
  ContentDigest digest({product(), flags()});
  digest.add(0, {0, 0, 0, 0}, bytes(std::vector<Dn>(8, no_data_dn)));
  digest.add(1, {0, 0, 0, 0}, bytes(std::vector<quality::Flags>(8, 1)));
  EXPECT_EQ(digest.merged_hex(Communicator()), sha256_hex(""));
  // Equal everywhere, but not to the fill value; and fill but for the last element.
  digest.add(0, {0, 0, 1, 0}, bytes(std::vector<Dn>(8, 0)));
  std::vector<quality::Flags> nearly(8, 1);
  nearly.back() = 2;
  digest.add(1, {0, 0, 1, 0}, bytes(nearly));
  EXPECT_EQ(digest.records().size(), 2U);
}

TEST(ContentDigest, chunk_added_twice_is_a_mistake) {
  std::vector<Dn> const raw = {1, 2, 3, 4, 5, 6, 7, 8};
  ContentDigest digest({product()});
  digest.add(0, {0, 0, 0, 0}, bytes(raw));
  digest.add(0, {0, 0, 0, 0}, bytes(raw));
  EXPECT_THROW(digest.merged_hex(Communicator()), Error);
}

TEST(CubeArrays, edge_chunks_are_padded_with_fill) {
  CubeArray const array = product();
  Stack<Dn> values(1, 1, 1, 4);
  values.fill(7);
  int chunks = 0;
  for_each_chunk(array, values, {0, 4, 4, 1}, 1,
                 [&](std::array<int, 4> const& index, std::span<Dn const> raw) {
                   ++chunks;
                   EXPECT_EQ(index, (std::array<int, 4>{1, 0, 2, 0}));
                   EXPECT_EQ(std::vector<Dn>(raw.begin(), raw.end()),
                             (std::vector<Dn>{7, 7, 7, 7, no_data_dn, no_data_dn, no_data_dn, no_data_dn}));
                 });
  EXPECT_EQ(chunks, 1);
}

}  // namespace
}  // namespace stfcube
