#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stfcube::nn {

/// How weight files hold numbers; all little-endian.
enum class ElementType { float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8, boolean };

std::size_t bytes_of(ElementType type);

/// By the name of PyTorch's storage class: "FloatStorage". Nothing for a type that weights do not have.
std::optional<ElementType> element_type_of_storage(std::string_view storage);

/// By the name that safetensors files use: "F32".
std::optional<ElementType> element_type_of_safetensors(std::string_view name);

/// The numbers as float32: float16 and bfloat16 exactly, float64 rounded to nearest, integers exactly up to
/// 2^24.
/// @param bytes a whole number of elements
std::vector<float> as_floats(ElementType type, std::string_view bytes);

/// Number of elements of a shape. Nothing when an extent is negative or the number exceeds `limit`.
std::optional<std::uint64_t> count_elements(std::span<std::int64_t const> shape, std::uint64_t limit);

/// "[32, 6, 3, 3]".
std::string shape_text(std::span<std::int64_t const> shape);

}  // namespace stfcube::nn
