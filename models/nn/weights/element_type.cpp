#include "stfcube/models/nn/weights/element_type.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "stfcube/models/nn/weights/little_endian.hpp"

namespace stfcube::nn {
namespace {

struct TypeNames {
  ElementType type;
  std::size_t bytes;
  std::string_view storage, safetensors;
};

constexpr std::array<TypeNames, 10> types{{{ElementType::float64, 8, "DoubleStorage", "F64"},
                                           {ElementType::float32, 4, "FloatStorage", "F32"},
                                           {ElementType::float16, 2, "HalfStorage", "F16"},
                                           {ElementType::bfloat16, 2, "BFloat16Storage", "BF16"},
                                           {ElementType::int64, 8, "LongStorage", "I64"},
                                           {ElementType::int32, 4, "IntStorage", "I32"},
                                           {ElementType::int16, 2, "ShortStorage", "I16"},
                                           {ElementType::int8, 1, "CharStorage", "I8"},
                                           {ElementType::uint8, 1, "ByteStorage", "U8"},
                                           {ElementType::boolean, 1, "BoolStorage", "BOOL"}}};

float from_half(std::uint16_t bits) {
  int const exponent = (bits >> 10) & 0x1f;
  int const fraction = bits & 0x3ff;
  float magnitude = 0;
  if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else if (exponent == 0x1f) {
    magnitude = fraction ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  }
  return bits & 0x8000 ? -magnitude : magnitude;
}

float from_double(double value) {
  // A number beyond float32 has no defined conversion.
  if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
    return std::copysign(std::numeric_limits<float>::infinity(),
                         static_cast<float>(std::signbit(value) ? -1 : 1));
  }
  return static_cast<float>(value);
}

template <class Convert>
std::vector<float> converted(std::string_view bytes, std::size_t step, Convert convert) {
  std::vector<float> values(bytes.size() / step);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = convert(bytes.data() + i * step);
  return values;
}

template <class Integer>
std::vector<float> from_integers(std::string_view bytes) {
  return converted(bytes, sizeof(Integer),
                   [](char const* at) { return static_cast<float>(little_endian<Integer>(at)); });
}

}  // namespace

std::size_t bytes_of(ElementType type) {
  for (TypeNames const& known : types) {
    if (known.type == type) return known.bytes;
  }
  return 0;
}

std::optional<ElementType> element_type_of_storage(std::string_view storage) {
  for (TypeNames const& known : types) {
    if (known.storage == storage) return known.type;
  }
  return std::nullopt;
}

std::optional<ElementType> element_type_of_safetensors(std::string_view name) {
  for (TypeNames const& known : types) {
    if (known.safetensors == name) return known.type;
  }
  return std::nullopt;
}

std::vector<float> as_floats(ElementType type, std::string_view bytes) {
  switch (type) {
    case ElementType::float64:
      return converted(bytes, 8, [](char const* at) {
        return from_double(std::bit_cast<double>(little_endian<std::uint64_t>(at)));
      });
    case ElementType::float32:
      return converted(bytes, 4,
                       [](char const* at) { return std::bit_cast<float>(little_endian<std::uint32_t>(at)); });
    case ElementType::float16:
      return converted(bytes, 2, [](char const* at) { return from_half(little_endian<std::uint16_t>(at)); });
    case ElementType::bfloat16:
      return converted(bytes, 2, [](char const* at) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(little_endian<std::uint16_t>(at)) << 16);
      });
    case ElementType::int64:
      return from_integers<std::int64_t>(bytes);
    case ElementType::int32:
      return from_integers<std::int32_t>(bytes);
    case ElementType::int16:
      return from_integers<std::int16_t>(bytes);
    case ElementType::int8:
      return from_integers<std::int8_t>(bytes);
    case ElementType::uint8:
    case ElementType::boolean:
      return from_integers<std::uint8_t>(bytes);
  }
  return {};
}

std::optional<std::uint64_t> count_elements(std::span<std::int64_t const> shape, std::uint64_t limit) {
  std::uint64_t count = 1;
  for (std::int64_t const extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) return 0;
    if (count > limit / static_cast<std::uint64_t>(extent)) return std::nullopt;
    count *= static_cast<std::uint64_t>(extent);
  }
  if (count > limit) return std::nullopt;
  return count;
}

std::string shape_text(std::span<std::int64_t const> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace stfcube::nn
