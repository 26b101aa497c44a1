#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stfcube/models/nn/weights/input_file.hpp"

namespace stfcube::nn {

/// Where one tensor lies in the data of a safetensors file.
struct SafetensorsEntry {
  std::string type;  ///< "F32"
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes
};

/// The JSON header of a safetensors file.
struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;  ///< of "__metadata__"
  std::map<std::string, SafetensorsEntry> tensors;
};

/// Reads exactly the JSON that such headers consist of: no other members, no fractions, no names twice.
/// @throws Error(data) that names the file and the byte of the header
SafetensorsHeader parse_safetensors_header(std::string_view json, InputFile const& file);

/// The same header, always in the same bytes.
std::string safetensors_header_text(SafetensorsHeader const& header);

}  // namespace stfcube::nn
