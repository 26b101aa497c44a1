#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stfcube/io/hdf5/handle.hpp"

namespace stfcube::hdf5 {

/// Stored type of T: little endian. Also the type in memory, because collective transfers must not convert.
template <class T>
hid_t stored_type();
template <>
inline hid_t stored_type<double>() {
  return H5T_IEEE_F64LE;
}
template <>
inline hid_t stored_type<float>() {
  return H5T_IEEE_F32LE;
}
template <>
inline hid_t stored_type<std::int32_t>() {
  return H5T_STD_I32LE;
}
template <>
inline hid_t stored_type<std::uint32_t>() {
  return H5T_STD_U32LE;
}
template <>
inline hid_t stored_type<std::int16_t>() {
  return H5T_STD_I16LE;
}
template <>
inline hid_t stored_type<std::uint8_t>() {
  return H5T_STD_U8LE;
}

/// Text of a fixed length of at least `length` bytes, zero-terminated. An empty text without a length is left
/// out.
void put_text(hid_t object, char const* name, std::string_view text, std::size_t length = 0);

/// Replaces the value of a text attribute in place, so that nothing in the file moves. @throws Error(io),
/// also when the text is longer than the attribute
void replace_text(hid_t object, char const* name, std::string_view text);

/// A one-dimensional array, also for one value.
void put_numbers(hid_t object, char const* name, hid_t type, void const* values, std::size_t count);

template <class T>
void put_numbers(hid_t object, char const* name, std::vector<T> const& values) {
  put_numbers(object, name, stored_type<T>(), values.data(), values.size());
}

/// A scalar integer, as netCDF-C keeps its own notes.
void put_scalar(hid_t object, char const* name, std::int32_t value);

/// Nothing when there is no attribute of that name and kind.
std::optional<std::string> text_of(hid_t object, char const* name);
std::optional<std::vector<double>> numbers_of(hid_t object, char const* name);

}  // namespace stfcube::hdf5
