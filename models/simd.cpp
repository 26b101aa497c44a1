#include "stfcube/models/simd.hpp"

#include <cstdint>

#include <hwy/targets.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

std::string simd_target() {
  // The lowest set bit is the best target.
  auto const supported = hwy::SupportedTargets();
  return hwy::TargetName(supported & -supported);
}

std::vector<std::string> simd_targets() {
  std::vector<std::string> names;
  for (std::int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    names.emplace_back(hwy::TargetName(left & -left));
  }
  return names;
}

void use_simd_target(std::string const& name) {
  hwy::SetSupportedTargetsForTest(0);
  std::int64_t left = hwy::SupportedTargets();
  while (left != 0 && hwy::TargetName(left & -left) != name) left &= left - 1;
  require(left != 0 || name.empty(), ErrorKind::internal, "no instruction set is called " + name + ".");
  hwy::SetSupportedTargetsForTest(left & -left);
  // Kernels look again at their next call.
  hwy::GetChosenTarget().DeInit();
}

}  // namespace stfcube
