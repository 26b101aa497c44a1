#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// The exponential moving average of a flat tensor of parameters.
class MovingAverage {
 public:
  /// @param decay share of the old average in the new one; 0: the average is the parameters themselves
  MovingAverage(torch::Tensor values, double decay)
      : values_(std::move(values)), average_(decay > 0 ? values_.clone() : values_), decay_(decay) {}

  /// After step 1, 2, ...: the first steps count more, so that the initial values are soon forgotten.
  void update(std::int64_t step) {
    double const decay = std::min(decay_, static_cast<double>(1 + step) / static_cast<double>(10 + step));
    if (decay_ > 0) average_.lerp_(values_, 1 - decay);
  }

  torch::Tensor const& average() const { return average_; }

 private:
  torch::Tensor values_, average_;
  double decay_;
};

/// While it lives the parameters have the values of their average.
class AveragedParameters {
 public:
  AveragedParameters(torch::Tensor values, torch::Tensor const& average)
      : values_(std::move(values)), kept_(values_.clone()) {
    torch::NoGradGuard const fixed;
    values_.copy_(average);
  }
  ~AveragedParameters() {
    torch::NoGradGuard const fixed;
    values_.copy_(kept_);
  }
  AveragedParameters(AveragedParameters const&) = delete;
  AveragedParameters& operator=(AveragedParameters const&) = delete;

 private:
  torch::Tensor values_, kept_;
};

}  // namespace stfcube::nn
