#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace stfcube::nn {

/// How the learning rate goes.
struct ScheduleOptions {
  std::string kind = "cosine";  ///< constant | cosine | step | plateau
  double learning_rate = 1e-3;  ///< the highest one
  double lowest = 1e-6;         ///< cosine: at the last step; plateau: never below
  std::int64_t warm_up = 0;     ///< steps over which the rate rises from zero
  double factor = 0.5;          ///< step: every `every` steps; plateau: see `patience`
  std::int64_t every = 10'000;  ///< step
  int patience = 5;             ///< plateau: validations without a better result before the rate falls
};

/// What random changes a training patch undergoes. Drawn from (seed, step, place in the batch) alone.
struct AugmentationOptions {
  bool dihedral = true;  ///< one of eight flips and rotations, the same for all images of a patch
  bool swap = true;      ///< earlier and later pair exchanged, time reversed; networks of one pair see both
  double gain = 0.0;     ///< coarse images only: factor from 1 - gain to 1 + gain, per patch and band
  double offset = 0.0;   ///< coarse images only: reflectance from -offset to offset, per patch and band
};

/// A training run. Everything that decides its curve, except the patches.
struct TrainingOptions {
  std::int64_t steps = 20'000;
  int batch = 16;       ///< patches per step over all ranks
  int micro_batch = 0;  ///< patches at once on a rank, gradients added up; 0 = all
  ScheduleOptions schedule;
  double weight_decay = 1e-6;  ///< decoupled from the gradient (AdamW)
  double beta1 = 0.9, beta2 = 0.999;
  double clip = 1.0;   ///< largest norm of a gradient; 0 = any
  double ema = 0.999;  ///< share of the old value in the moving average of the parameters; 0 = no average
  std::string loss = "l1 + 0.8 msssim";  ///< training/losses.hpp
  std::vector<double> band_weights;      ///< of the loss; empty = all alike
  AugmentationOptions augmentation;
  std::string adversarial =
      "lsgan-half";  ///< lsgan-half | lsgan-plain | wgan | none; networks with a discriminator
  double adversarial_weight = 0.01;  ///< of the generator's adversarial term beside the reconstruction
  std::uint64_t seed = 1;
  std::int64_t validate_every = 500;
  int early_stopping = 0;    ///< validations without a better result after which training ends; 0 = never
  bool fixed_noise = false;  ///< diffusion: the same noise and step in every step of the training
};

/// The processes that train together. `sum` adds the values of all ranks in place, on all of them.
struct RankGroup {
  int rank = 0, size = 1;
  std::function<void(std::span<float>)> sum = {};
};

/// One line of the loss curve.
struct CurvePoint {
  std::int64_t step = 0;      ///< 1 = after the first step
  double loss = 0;            ///< what was minimised, mean over the batch
  double reconstruction = 0;  ///< its part without the adversarial term
  double learning_rate = 0;
  double validation = -1;  ///< reconstruction loss on the validation patches; -1 = not measured at this step
};

/// What a run shows while it goes.
struct TrainingProgress {
  std::int64_t step = 0, steps = 0;
  double loss = 0;         ///< mean since the last report
  double validation = -1;  ///< the latest; -1 = none yet
  double samples_per_second = 0;
  double seconds_left = 0;
};

}  // namespace stfcube::nn
