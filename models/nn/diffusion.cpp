#include "stfcube/models/nn/diffusion.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

/// One number per patch, as an image of one pixel.
Tensor per_patch(std::vector<double> const& values, Tensor const& step, Tensor const& image) {
  Tensor const table = torch::tensor(values, torch::kFloat64).to(image.options());
  return table.index_select(0, step.to(image.device())).reshape({-1, 1, 1, 1});
}

}  // namespace

NoiseSchedule cosine_schedule(int length) {
  require(length > 0, ErrorKind::config, "A schedule of diffusion needs at least one step.");
  constexpr double offset = 0.008;
  auto const left = [&](int step) {
    double const angle = (static_cast<double>(step) / length + offset) / (1 + offset) * std::numbers::pi / 2;
    return std::cos(angle) * std::cos(angle);
  };
  NoiseSchedule schedule;
  double share = 1;
  for (int step = 0; step < length; ++step) {
    share *= 1 - std::clamp(1 - left(step + 1) / left(step), 0.0, 0.999);
    schedule.image_share.push_back(share);
  }
  return schedule;
}

Tensor noisy_image(NoiseSchedule const& schedule, Tensor const& image, Tensor const& step,
                   Tensor const& noise) {
  Tensor const share = per_patch(schedule.image_share, step, image);
  return share.sqrt() * image + (1 - share).sqrt() * noise;
}

std::vector<int> sampling_steps(NoiseSchedule const& schedule, int steps) {
  int const length = schedule.length();
  require(steps >= 1 && steps <= length, ErrorKind::config,
          "Sampling takes 1 to " + std::to_string(length) + " steps, not " + std::to_string(steps) + ".");
  std::vector<int> times;
  for (int i = steps; i >= 0; --i) times.push_back((i * length - steps) / steps);
  return times;
}

bool needs_noise(Sampling const& sampling, int next) {
  return sampling.eta > 0 && next >= 0;
}

Tensor sampling_update(NoiseSchedule const& schedule, Sampling const& sampling, Tensor const& noisy,
                       Tensor const& clean, int step, int next, Tensor const& noise) {
  Tensor const image = sampling.clamp ? clean.clamp(-1, 1) : clean;
  if (next < 0) return image;
  double const now = schedule.image_share.at(step), then = schedule.image_share.at(next);
  Tensor const direction = (noisy / std::sqrt(now) - image) / std::sqrt(1 / now - 1);
  double const spread = sampling.eta * std::sqrt((1 - now / then) * (1 - then) / (1 - now));
  Tensor const moved =
      std::sqrt(then) * image + std::sqrt(std::max(0.0, 1 - then - spread * spread)) * direction;
  return needs_noise(sampling, next) ? moved + spread * noise : moved;
}

Tensor sample(NoiseSchedule const& schedule, Sampling const& sampling,
              std::function<Tensor(Tensor const&, int)> const& denoise,
              std::function<Tensor(int)> const& noise) {
  auto const times = sampling_steps(schedule, sampling.steps);
  Tensor image = noise(schedule.length());
  for (std::size_t i = 0; i + 1 < times.size(); ++i) {
    int const step = times[i], next = times[i + 1];
    Tensor const fresh = needs_noise(sampling, next) ? noise(step) : Tensor();
    image = sampling_update(schedule, sampling, image, denoise(image, step), step, next, fresh);
  }
  return image;
}

}  // namespace stfcube::nn
