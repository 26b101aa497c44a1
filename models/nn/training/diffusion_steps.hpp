#pragma once

#include <cstdint>
#include <span>

#include "stfcube/models/nn/diffusion.hpp"
#include "stfcube/models/nn/torch.hpp"
#include "stfcube/models/nn/api/counter_random.hpp"

namespace stfcube::nn {

/// What a clean image becomes on the way to noise, drawn per patch from its own generator.
class DiffusionSteps {
 public:
  /// @param steps length T of the cosine schedule
  explicit DiffusionSteps(int steps);

  struct Noisy {
    torch::Tensor image;  ///< sqrt(a_t) x_0 + sqrt(1 - a_t) noise
    torch::Tensor step;   ///< [N], int64, uniform in [0, T)
  };
  /// @param clean [N, B, H, W] in the network's scaling. The noise is drawn on its device.
  Noisy noisy(torch::Tensor const& clean, std::span<CounterRandom> random) const;

  NoiseSchedule const& schedule() const { return schedule_; }

 private:
  NoiseSchedule schedule_;
};

}  // namespace stfcube::nn
