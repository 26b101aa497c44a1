#include "stfcube/tests/models/nn/training_checks.hpp"

#include <cmath>
#include <limits>

namespace stfcube::testing {
namespace {

namespace F = torch::nn::functional;
using torch::Tensor;

Tensor uniform(std::vector<std::int64_t> const& shape, nn::CounterRandom& random) {
  auto values = torch::empty(shape);
  for (auto* at = values.data_ptr<float>(); at != values.data_ptr<float>() + values.numel(); ++at)
    *at = static_cast<float>(random.uniform());
  return values;
}

Tensor enlarged(Tensor const& image, int size) {
  return F::interpolate(image, F::InterpolateFuncOptions()
                                   .size(std::vector<std::int64_t>{size, size})
                                   .mode(torch::kBilinear)
                                   .align_corners(false));
}

Tensor coarse_of(Tensor const& fine, int ratio) {
  return enlarged(F::avg_pool2d(fine, F::AvgPool2dFuncOptions(ratio)), static_cast<int>(fine.size(-1)));
}

}  // namespace

nn::PatchBatch simulated_patches(int count, int bands, int size, int ratio, std::uint64_t seed) {
  constexpr int covers = 5;
  nn::PatchBatch batch;
  std::vector<Tensor> patches;
  for (int i = 0; i < count; ++i) {
    nn::CounterRandom random(seed, 0, static_cast<std::uint64_t>(i));
    auto share = enlarged(uniform({1, covers, size / 4, size / 4}, random), size).pow(3);
    share = share / share.sum(1, true);
    auto const spectra = 0.05 + 0.4 * uniform({bands, covers}, random);
    std::vector<Tensor> fine;
    for (int date = 0; date < 3; ++date) {
      auto const now = spectra + 0.15 * (uniform({bands, covers}, random) - 0.5);
      fine.push_back(torch::matmul(now, share.view({covers, -1})).view({1, bands, size, size}));
    }
    patches.push_back(torch::cat({fine[0], coarse_of(fine[0], ratio), fine[1], coarse_of(fine[1], ratio),
                                  fine[2], coarse_of(fine[2], ratio)}));
    batch.days.push_back({11'000, 10'984, 11'016});
  }
  batch.images = (torch::stack(patches) * 1e4).round().to(torch::kInt16);
  return batch;
}

nn::TrainingOptions plain_training(std::int64_t steps, int batch) {
  nn::TrainingOptions options;
  options.steps = steps;
  options.batch = batch;
  options.schedule.kind = "constant";
  options.augmentation.dihedral = false;
  options.augmentation.swap = false;
  options.loss = "l1";
  options.validate_every = 1'000'000;
  return options;
}

::testing::AssertionResult overfits(nn::Network& network, OverfitOptions const& options) {
  nn::MemoryPatches const patches(simulated_patches(1, network.info().bands, options.size, options.ratio, 5));
  auto training = plain_training(options.steps, 1);
  training.schedule.kind = "cosine";
  training.schedule.learning_rate = options.learning_rate;
  training.loss = options.loss;
  training.adversarial = "none";
  training.fixed_noise = true;
  nn::Trainer trainer(network, patches, nullptr, training);
  double first = 0, last = std::numeric_limits<double>::infinity();
  while (!trainer.is_finished()) {
    trainer.step();
    bool const looks = trainer.steps_done() == 1 || trainer.steps_done() % 25 == 0 || trainer.is_finished();
    if (!looks) continue;
    last = trainer.curve().back().reconstruction;
    if (trainer.steps_done() == 1) first = last;
    if (last < options.largest_share * first)
      return ::testing::AssertionSuccess() << "after " << trainer.steps_done() << " steps";
  }
  return ::testing::AssertionFailure()
         << network.info().name << " goes from " << first << " to " << last << " (" << 100 * last / first
         << " %) in " << options.steps << " steps";
}

}  // namespace stfcube::testing
