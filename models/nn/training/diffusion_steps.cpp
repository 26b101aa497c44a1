#include "stfcube/models/nn/training/diffusion_steps.hpp"

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

DiffusionSteps::DiffusionSteps(int steps) : schedule_(cosine_schedule(steps)) {}

DiffusionSteps::Noisy DiffusionSteps::noisy(torch::Tensor const& clean,
                                            std::span<CounterRandom> random) const {
  std::vector<std::int64_t> steps;
  std::vector<torch::Tensor> noise;
  for (std::size_t i = 0; i < random.size(); ++i) {
    steps.push_back(
        static_cast<std::int64_t>(random[i].below(static_cast<std::uint64_t>(schedule_.length()))));
    noise.push_back(normal_like(clean[static_cast<std::int64_t>(i)], random[i].bits()));
  }
  auto const step = torch::tensor(steps, torch::kInt64).to(clean.device());
  return {noisy_image(schedule_, clean, step, torch::stack(noise)), step};
}

}  // namespace stfcube::nn
