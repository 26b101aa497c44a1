#pragma once

#include <functional>
#include <vector>

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// How much of the image is left at each step of a diffusion.
struct NoiseSchedule {
  std::vector<double> image_share;  ///< alpha bar, by step: near 1 at step 0, near 0 at the last one

  int length() const { return static_cast<int>(image_share.size()); }
};

/// f(i) = cos(((i / length) + s) / (1 + s) * pi / 2)^2, s = 0.008; beta_t = 1 - f(t + 1) / f(t), at most
/// 0.999 (Nichol and Dhariwal 2021).
NoiseSchedule cosine_schedule(int length);

/// sqrt(alpha bar) x_0 + sqrt(1 - alpha bar) eps.
/// @param image, noise [N, B, H, W]
/// @param step [N], int64
torch::Tensor noisy_image(NoiseSchedule const& schedule, torch::Tensor const& image,
                          torch::Tensor const& step, torch::Tensor const& noise);

/// How to go from noise to the image (DDIM, Song et al. 2021).
struct Sampling {
  int steps = 10;     ///< K; 1 .. length of the schedule
  double eta = 0;     ///< 0: the image is a function of the noise it began with; 1: fresh noise at each step
  bool clamp = true;  ///< cuts the clean image, as each step sees it, to -1 .. 1
};

/// The K steps at which the network is asked, descending, then -1.
std::vector<int> sampling_steps(NoiseSchedule const& schedule, int steps);

/// From the image at `step` to that at `next`, by the clean image that the network sees: pixel by pixel.
/// @param next -1: the result is the clean image
/// @param noise standard normal, of the image's shape; read only when `needs_noise`
torch::Tensor sampling_update(NoiseSchedule const& schedule, Sampling const& sampling,
                              torch::Tensor const& noisy, torch::Tensor const& clean, int step, int next,
                              torch::Tensor const& noise);

/// Whether the update from `step` to `next` adds noise.
bool needs_noise(Sampling const& sampling, int next);

/// All steps.
/// @param denoise clean image [N, B, H, W] of a noisy one at a step
/// @param noise standard normal [N, B, H, W]: asked with the length of the schedule for the image to begin
///        with, then, where eta > 0, with each step after which noise is added
torch::Tensor sample(NoiseSchedule const& schedule, Sampling const& sampling,
                     std::function<torch::Tensor(torch::Tensor const&, int)> const& denoise,
                     std::function<torch::Tensor(int)> const& noise);

}  // namespace stfcube::nn
