#include "stfcube/io/hdf5/attributes.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::hdf5 {
namespace {

static_assert(std::endian::native == std::endian::little,
              "cubes are written without conversion, in little endian");

Datatype fixed_text(std::size_t length) {
  Datatype type(checked(H5Tcopy(H5T_C_S1), "text type"));
  checked(H5Tset_size(type, length), "text length");
  checked(H5Tset_strpad(type, H5T_STR_NULLTERM), "text padding");
  checked(H5Tset_cset(type, H5T_CSET_UTF8), "text encoding");
  return type;
}

void write(hid_t object, char const* name, hid_t type, hid_t space, void const* value) {
  Attribute const attribute(checked(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT),
                                    fmt::format("attribute {}", name)));
  checked(H5Awrite(attribute, type, value), fmt::format("attribute {}", name));
}

bool has(hid_t object, char const* name) {
  return checked(H5Aexists(object, name), fmt::format("attribute {}", name)) > 0;
}

std::string padded(std::string_view text, std::size_t length) {
  std::string value(text);
  value.resize(length, '\0');
  return value;
}

}  // namespace

void put_text(hid_t object, char const* name, std::string_view text, std::size_t length) {
  if (text.empty() && length == 0) return;
  length = std::max(length, text.size()) + 1;
  Dataspace const space(checked(H5Screate(H5S_SCALAR), "scalar"));
  write(object, name, fixed_text(length), space, padded(text, length).data());
}

void replace_text(hid_t object, char const* name, std::string_view text) {
  Attribute const attribute(checked(H5Aopen(object, name, H5P_DEFAULT), fmt::format("attribute {}", name)));
  Datatype const type(checked(H5Aget_type(attribute), name));
  std::size_t const length = H5Tget_size(type);
  ensure(text.size() < length, "the text fits the attribute");
  checked(H5Awrite(attribute, type, padded(text, length).data()), fmt::format("attribute {}", name));
}

void put_numbers(hid_t object, char const* name, hid_t type, void const* values, std::size_t count) {
  hsize_t const length = count;
  Dataspace const space(checked(H5Screate_simple(1, &length, nullptr), "attribute shape"));
  write(object, name, type, space, values);
}

void put_scalar(hid_t object, char const* name, std::int32_t value) {
  Dataspace const space(checked(H5Screate(H5S_SCALAR), "scalar"));
  write(object, name, stored_type<std::int32_t>(), space, &value);
}

std::optional<std::string> text_of(hid_t object, char const* name) {
  if (!has(object, name)) return std::nullopt;
  Attribute const attribute(checked(H5Aopen(object, name, H5P_DEFAULT), name));
  Datatype const type(checked(H5Aget_type(attribute), name));
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0) return std::nullopt;
  std::string text(H5Tget_size(type), '\0');
  Dataspace const space(checked(H5Aget_space(attribute), name));
  if (H5Sget_simple_extent_npoints(space) != 1) return std::nullopt;
  checked(H5Aread(attribute, type, text.data()), fmt::format("attribute {}", name));
  text.resize(std::strlen(text.c_str()));
  return text;
}

std::optional<std::vector<double>> numbers_of(hid_t object, char const* name) {
  if (!has(object, name)) return std::nullopt;
  Attribute const attribute(checked(H5Aopen(object, name, H5P_DEFAULT), name));
  Datatype const type(checked(H5Aget_type(attribute), name));
  auto const kind = H5Tget_class(type);
  if (kind != H5T_INTEGER && kind != H5T_FLOAT) return std::nullopt;
  Dataspace const space(checked(H5Aget_space(attribute), name));
  std::vector<double> values(
      static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space))));
  checked(H5Aread(attribute, H5T_NATIVE_DOUBLE, values.data()), fmt::format("attribute {}", name));
  return values;
}

}  // namespace stfcube::hdf5
