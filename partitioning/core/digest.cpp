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

}  // namespace stfcube
