#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace stfcube {

/// CRC-32C (Castagnoli) of `bytes`, continuing `start`.
std::uint32_t crc32c(std::span<std::byte const> bytes, std::uint32_t start = 0);

/// SHA-256 over everything that was added. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::span<std::byte const> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }

  /// 64 hexadecimal digits; the object is used up.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// SHA-256 of one text, as 64 hexadecimal digits.
std::string sha256_hex(std::string_view text);

/// Version-5 UUID (RFC 9562) of `name` in the URL namespace.
std::string name_uuid(std::string_view name);

}  // namespace stfcube
