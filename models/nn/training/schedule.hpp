#pragma once

#include <cstdint>
#include <limits>

#include "stfcube/models/nn/api/training_options.hpp"

namespace stfcube::nn {

/// The learning rate over a run.
class Schedule {
 public:
  /// What a checkpoint keeps.
  struct State {
    double best = std::numeric_limits<double>::infinity();
    int failures = 0;  ///< validations since the best one
    double share = 1;  ///< plateau: rate / highest rate
  };

  /// @param steps of the whole run; cosine ends there
  /// @throws Error(config) for an unknown kind or a rate that is not positive
  Schedule(ScheduleOptions options, std::int64_t steps);

  /// For step 1, 2, ...
  double rate(std::int64_t step) const;

  /// Tells the result of a validation (only `plateau` listens).
  void validated(double loss);

  State const& state() const { return state_; }
  void restore(State const& state) { state_ = state; }

 private:
  ScheduleOptions options_;
  std::int64_t steps_;
  State state_;
};

}  // namespace stfcube::nn
