#pragma once

#include <string>
#include <vector>

namespace stfcube {

/// The instruction set that vectorised kernels use on this machine ("AVX3_ZEN4", "AVX2", "NEON"), for
/// `--version`.
std::string simd_target();

/// All instruction sets of this machine that kernels were made for, or fall back to; for tests.
std::vector<std::string> simd_targets();

/// Makes vectorised kernels use the named instruction set from now on; an empty name: the best again. For
/// tests; not while kernels run.
void use_simd_target(std::string const& name);

}  // namespace stfcube
