#include "stfcube/partitioning/core/digest.hpp"

#include <fmt/format.h>
#include <isa-l/crc.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

std::uint32_t crc32c(std::span<std::byte const> bytes, std::uint32_t start) {
  // The library wants int lengths and a mutable pointer, and leaves both inversions to the caller.
  constexpr std::size_t most = 1U << 30;
  std::uint32_t state = ~start;
  auto* at = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
  for (std::size_t left = bytes.size(); left > 0;) {
    std::size_t const now = std::min(left, most);
    state = crc32_iscsi(at, static_cast<int>(now), state);
    at += now;
    left -= now;
  }
  return ~state;
}

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  ensure(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1, "SHA-256 is available");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::add(std::span<std::byte const> bytes) {
  ensure(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "SHA-256 update");
}

std::string Sha256::hex() {
  std::array<unsigned char, 32> digest{};
  ensure(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr) == 1, "SHA-256 result");
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

std::string sha256_hex(std::string_view text) {
  Sha256 digest;
  digest.add(text);
  return digest.hex();
}

std::string name_uuid(std::string_view name) {
  constexpr std::array<unsigned char, 16> url_namespace = {0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1,
                                                           0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
  std::string text(url_namespace.begin(), url_namespace.end());
  text += name;
  std::array<unsigned char, 20> digest{};
  ensure(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) == 1, "SHA-1 result");
  digest[6] = static_cast<unsigned char>((digest[6] & 0x0f) | 0x50);
  digest[8] = static_cast<unsigned char>((digest[8] & 0x3f) | 0x80);
  std::string const hex = fmt::format("{:02x}", fmt::join(digest, ""));
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20, 12));
}

}  // namespace stfcube
