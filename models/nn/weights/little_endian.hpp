#pragma once

#include <cstddef>
#include <string>
#include <type_traits>

namespace stfcube::nn {

/// An integer from its bytes, the lowest first, on any machine.
template <class Integer>
Integer little_endian(char const* bytes) {
  std::make_unsigned_t<Integer> value = 0;
  for (std::size_t i = sizeof(Integer); i > 0; --i) {
    value = static_cast<decltype(value)>((sizeof(Integer) > 1 ? value << 8 : 0) |
                                         static_cast<unsigned char>(bytes[i - 1]));
  }
  return static_cast<Integer>(value);
}

template <class Integer>
void append_little_endian(std::string& bytes, Integer value) {
  auto rest = static_cast<std::make_unsigned_t<Integer>>(value);
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    bytes.push_back(static_cast<char>(rest & 0xff));
    if constexpr (sizeof(Integer) > 1) rest = static_cast<decltype(rest)>(rest >> 8);
  }
}

}  // namespace stfcube::nn
