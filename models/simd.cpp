#include "stfcube/models/simd.hpp"

#include <hwy/targets.h>

namespace stfcube {

std::string simd_target() {
  // The lowest set bit is the best target.
  auto const supported = hwy::SupportedTargets();
  return hwy::TargetName(supported & -supported);
}

}  // namespace stfcube
