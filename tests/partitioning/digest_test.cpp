#include "stfcube/partitioning/core/digest.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

std::span<std::byte const> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Crc32c, has_the_published_check_values) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283U);
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8a9136aaU);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\xff'))), 0x62a8ab43U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, continues_where_it_stopped) {
  std::string const text = "the bytes of one chunk";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(crc32c(bytes_of(text).subspan(cut), crc32c(bytes_of(text).first(cut))), crc32c(bytes_of(text)))
        << cut;
  }
}

TEST(Sha256, has_the_published_values) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, pieces_count_as_their_whole) {
  Sha256 digest;
  digest.add("a");
  digest.add("");
  digest.add("bc");
  EXPECT_EQ(digest.hex(), sha256_hex("abc"));
}

TEST(Sha256, can_be_moved_half_way) {
  Sha256 first;
  first.add("ab");
  Sha256 second = std::move(first);
  second.add("c");
  EXPECT_EQ(second.hex(), sha256_hex("abc"));
}

TEST(NameUuid, is_that_of_version_5_in_the_url_namespace) {
  // Python: uuid.uuid5(uuid.NAMESPACE_URL, "urn:stfcube:job:abc")
  EXPECT_EQ(name_uuid("urn:stfcube:job:abc"), "787c38af-bcfa-53ad-bc3e-631e88798a20");
}

}  // namespace
}  // namespace stfcube
