#include "stfcube/jobs/scene_faults.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

/// What is said apart from the name of the file.
std::string reason_of(SceneFault const& fault) {
  std::string reason = fault.message;
  std::size_t const at = reason.find(fault.path);
  return at == std::string::npos ? reason : reason.erase(at, fault.path.size());
}

}  // namespace

std::string describe_faults(std::span<SceneFault const> faults, std::string const& role) {
  std::vector<std::string> reasons, lines;
  for (SceneFault const& fault : faults) {
    std::string const reason = reason_of(fault);
    bool const told = std::ranges::find(reasons, reason) != reasons.end();
    if (told && reason == fault.message) continue;  // names no file: a matter of the job, not of each scene
    lines.push_back(told && reason == reasons.back() ? fault.path + ": the same" : fault.message);
    reasons.push_back(reason);
  }
  if (lines.size() == 1) return lines.front();
  return fmt::format("{} problems with the {} scenes:\n{}", lines.size(), role, join_limited(lines));
}

}  // namespace stfcube
