#include "stfcube/jobs/run_times.hpp"

#include <cstdlib>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {

std::string creation_time() {
  std::time_t now = std::time(nullptr);
  if (char const* fixed = std::getenv("SOURCE_DATE_EPOCH")) {
    auto const seconds = parse_integer(fixed);
    require(seconds.has_value(), ErrorKind::config,
            fmt::format("SOURCE_DATE_EPOCH = {} is no number of seconds.", fixed));
    now = static_cast<std::time_t>(*seconds);
  }
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

std::optional<std::chrono::steady_clock::time_point> end_of_time(
    JobSpec const& spec, std::chrono::steady_clock::time_point started) {
  if (spec.time_limit.count() > 0) return started + spec.time_limit;
  char const* text = std::getenv("SLURM_JOB_END_TIME");
  auto const end = text ? parse_integer(text) : std::nullopt;
  if (!end) return std::nullopt;
  return std::chrono::steady_clock::now() + std::chrono::seconds(*end - std::time(nullptr));
}

}  // namespace stfcube
