#pragma once

#include <cstdint>
#include <string_view>

namespace stfcube::nn {

/// CRC-32 as zip archives have it (polynomial 0xEDB88320, reflected).
std::uint32_t crc32(std::string_view bytes);

}  // namespace stfcube::nn
