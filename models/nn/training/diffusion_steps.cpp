#include "stfcube/models/nn/training/diffusion_steps.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <ATen/Context.h>

namespace stfcube::nn {
namespace {

torch::Tensor normal_like(torch::Tensor const& image, std::uint64_t seed) {
  auto generator = at::globalContext().defaultGenerator(image.device()).clone();
  generator.set_current_seed(seed);
  return torch::randn(image.sizes(), generator, image.options());
}

}  // namespace

DiffusionSteps::DiffusionSteps(int steps) {
  auto const level = [&](int i) {
    double const angle = (static_cast<double>(i) / steps + 0.008) / 1.008 * std::numbers::pi / 2;
    return std::cos(angle) * std::cos(angle);
  };
  std::vector<float> remaining;
  double product = 1;
  for (int t = 0; t < steps; ++t) {
    product *= 1 - std::clamp(1 - level(t + 1) / level(t), 0.0, 0.999);
    remaining.push_back(static_cast<float>(product));
  }
  remaining_ = torch::tensor(remaining);
}

DiffusionSteps::Noisy DiffusionSteps::noisy(torch::Tensor const& clean,
                                            std::span<CounterRandom> random) const {
  std::vector<std::int64_t> steps;
  std::vector<torch::Tensor> noise;
  for (std::size_t i = 0; i < random.size(); ++i) {
    steps.push_back(
        static_cast<std::int64_t>(random[i].below(static_cast<std::uint64_t>(remaining_.numel()))));
    noise.push_back(normal_like(clean[static_cast<std::int64_t>(i)], random[i].bits()));
  }
  auto const step = torch::tensor(steps, torch::kInt64);
  auto const left = remaining_.index_select(0, step).view({-1, 1, 1, 1}).to(clean.options());
  return {left.sqrt() * clean + (1 - left).sqrt() * torch::stack(noise), step.to(clean.device())};
}

}  // namespace stfcube::nn
