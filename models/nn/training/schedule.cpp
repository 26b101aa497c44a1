#include "stfcube/models/nn/training/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {

Schedule::Schedule(ScheduleOptions options, std::int64_t steps)
    : options_(std::move(options)), steps_(steps) {
  auto const& kind = options_.kind;
  require(kind == "constant" || kind == "cosine" || kind == "step" || kind == "plateau", ErrorKind::config,
          "The learning rate's schedule '" + kind + "' is not known. Use constant, cosine, step or plateau.");
  require(options_.learning_rate > 0, ErrorKind::config, "The learning rate must be positive.");
  require(options_.every > 0 && options_.factor > 0 && options_.warm_up >= 0, ErrorKind::config,
          "The learning rate's schedule needs a positive factor and distance of steps.");
}

double Schedule::rate(std::int64_t step) const {
  double const highest = options_.learning_rate;
  if (step <= options_.warm_up)
    return highest * static_cast<double>(step) / static_cast<double>(options_.warm_up);
  if (options_.kind == "cosine") {
    double const length = static_cast<double>(std::max<std::int64_t>(1, steps_ - options_.warm_up));
    double const at = std::min(1.0, static_cast<double>(step - options_.warm_up) / length);
    double const lowest = std::min(options_.lowest, highest);
    return lowest + (highest - lowest) * (1 + std::cos(std::numbers::pi * at)) / 2;
  }
  if (options_.kind == "step")
    return highest * std::pow(options_.factor, static_cast<double>((step - 1) / options_.every));
  if (options_.kind == "plateau") return std::max(highest * state_.share, std::min(options_.lowest, highest));
  return highest;
}

void Schedule::validated(double loss) {
  if (loss < state_.best) {
    state_.best = loss;
    state_.failures = 0;
  } else if (++state_.failures > options_.patience) {
    state_.share *= options_.factor;
    state_.failures = 0;
  }
}

}  // namespace stfcube::nn
