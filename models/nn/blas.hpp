#pragma once

namespace stfcube::nn {

/// Whether matrix products of several threads may disturb each other: true of OpenBLAS built without threads and without
/// locks (Debian's libopenblas0-serial; OpenBLAS issues 1761 and 2126). Callers then take turns.
bool blas_needs_turns();

}  // namespace stfcube::nn
