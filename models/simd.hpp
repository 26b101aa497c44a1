#pragma once

#include <string>

namespace stfcube {

/// The instruction set that vectorised kernels use on this machine ("AVX3_ZEN4", "AVX2", "NEON"), for `--version`.
std::string simd_target();

}  // namespace stfcube
