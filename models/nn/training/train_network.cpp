#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <utility>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "stfcube/models/nn/api/training.hpp"
#include "stfcube/models/nn/network_registry.hpp"
#include "stfcube/models/nn/training/patch_set.hpp"
#include "stfcube/models/nn/training/trainer.hpp"
#include "stfcube/models/nn/weights/weight_file.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using Clock = std::chrono::steady_clock;
using torch::Tensor;

constexpr std::int64_t patches_at_once = 16;

torch::Device device_of(std::string const& name) {
  torch::Device device(torch::kCPU);
  try {
    device = torch::Device(name);
  } catch (c10::Error const&) {
    throw Error(ErrorKind::config, "There is no device '" + name + "'. Use cpu, cuda or cuda:N.");
  }
  require(device.is_cpu() || at::globalContext().hasCUDA(), ErrorKind::config,
          "The device '" + name + "' was asked for, but this LibTorch sees no GPU. Use cpu.");
  if (device.is_cuda()) {
    at::globalContext().setBenchmarkCuDNN(true);
    at::globalContext().setAllowTF32CuDNN(true);
    at::globalContext().setAllowTF32CuBLAS(true);
  }
  return device;
}

std::unique_ptr<FilePatches> opened(std::filesystem::path const& path, NetworkInfo const& info,
                                    torch::Device device, std::int64_t resident_bytes) {
  auto const file = std::make_shared<PatchFile const>(path);
  require(file->header().bands == info.bands, ErrorKind::data,
          path.string() + " has patches of " + std::to_string(file->header().bands) +
              " bands, the network reads " + std::to_string(info.bands) + ".");
  bool const both_sides = info.form == NetworkForm::two_pairs && !info.one_sided;
  return std::make_unique<FilePatches>(file, device, resident_bytes, both_sides);
}

/// Sums over ranks of squared errors and of their number.
class ErrorSums {
 public:
  void add(Tensor const& prediction, TrainingSample const& sample) {
    auto const error =
        torch::where(sample.mask > 0, prediction - sample.truth, torch::zeros_like(sample.truth));
    squares_ += error.to(torch::kFloat64).square().sum().item<double>();
  }
  double squares() const { return squares_; }

 private:
  double squares_ = 0;
};

double summed(double value, RankGroup const& ranks) {
  if (ranks.size == 1) return value;
  // Two floats hold what a double of this size needs.
  std::vector<float> parts = {static_cast<float>(value),
                              static_cast<float>(value - static_cast<float>(value))};
  ranks.sum(parts);
  return static_cast<double>(parts[0]) + static_cast<double>(parts[1]);
}

/// Reflectance of the images that everyone has, whatever the network reads.
TrainingSample plain_sample(PatchBatch const& batch, int bands) {
  NetworkInfo info;
  info.bands = bands;
  return training_sample({batch, {}, {}}, info);
}

ValidationScores scores_of(Network& network, SampleSource const& patches,
                           std::function<TrainingSample(PatchBatch const&)> const& sample_of,
                           RankGroup const& ranks) {
  torch::NoGradGuard const fixed;
  network.eval();
  ErrorSums predicted, incremented, copied;
  double pixels = 0;
  auto const begin = patches.size() * ranks.rank / ranks.size,
             end = patches.size() * (ranks.rank + 1) / ranks.size;
  for (auto first = begin; first < end; first += patches_at_once) {
    std::vector<std::int64_t> indices;
    for (auto i = first; i < std::min(end, first + patches_at_once); ++i) indices.push_back(i);
    auto const batch = patches.patches(indices);
    auto const plain = plain_sample(batch, network.info().bands);
    auto sample = sample_of(batch);
    sample.mask = plain.mask;  // the same pixels for all
    predicted.add(target_reflectance(network.predict(sample.input), network.info()), sample);
    auto const& input = plain.input;
    incremented.add(input.fine_before + input.coarse_target - input.coarse_before, plain);
    copied.add(input.fine_before, plain);
    pixels += plain.mask.sum().item<double>();
  }
  double const count = summed(pixels, ranks);
  auto const error = [&](ErrorSums const& sums) {
    return std::sqrt(summed(sums.squares(), ranks) / std::max(1.0, count * network.info().bands));
  };
  return {error(predicted), error(incremented), error(copied), static_cast<std::int64_t>(count)};
}

NamedArrays arrays_of(Network const& network) {
  NamedArrays arrays;
  auto const add = [&](std::string const& name, Tensor const& tensor) {
    auto const values = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    arrays[name] = {values.sizes().vec(),
                    {values.data_ptr<float>(), values.data_ptr<float>() + values.numel()}};
  };
  for (auto const& item : network.named_parameters()) add(item.key(), item.value());
  for (auto const& item : network.named_buffers()) add(item.key(), item.value());
  return arrays;
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5f", value);
  return text;
}

void complete(ModelCard& card, TrainingTask const& task, NetworkInfo const& info,
              std::vector<std::string> const& bands, TrainingResult const& result) {
  card.network = task.network;
  for (auto const& [name, value] : task.options) {
    if (name.starts_with(task.network + ".")) card.options[name.substr(task.network.size() + 1)] = value;
  }
  if (card.bands.empty()) card.bands = bands;
  if (info.any_bands) card.bands = {"*"};
  card.scaling = info.scaling;
  if (card.ratio.empty()) card.ratio = std::to_string(task.shape.ratio);
  if (result.scores.pixels == 0) return;
  card.metrics += std::string(card.metrics.empty() ? "" : " ") + "RMSE of reflectance on " +
                  std::to_string(result.validation_patches) + " withheld patches (" +
                  std::to_string(result.scores.pixels) +
                  " pixels, all bands): " + number_text(result.scores.network) +
                  "; reference plus change of the coarse image: " + number_text(result.scores.increment) +
                  "; copy of the reference: " + number_text(result.scores.copy) + ".";
}

TrainingResult::Outcome as_result(Trainer::Outcome outcome) {
  if (outcome == Trainer::Outcome::interrupted) return TrainingResult::Outcome::interrupted;
  return outcome == Trainer::Outcome::finished ? TrainingResult::Outcome::finished
                                               : TrainingResult::Outcome::stopped_early;
}

/// Whether this rank thinks that it is time for a checkpoint; only the first one has an opinion.
class CheckpointClock {
 public:
  CheckpointClock(double seconds, bool asked) : seconds_(seconds), asked_(asked) {}

  bool due() {
    if (!asked_ || std::chrono::duration<double>(Clock::now() - last_).count() < seconds_) return false;
    last_ = Clock::now();
    return true;
  }

 private:
  double seconds_;
  bool asked_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace

void check_training(TrainingTask const& task, int ranks) {
  device_of(task.device);
  check_training_options(task.training, make_network(task.network, task.shape, task.options)->info(), ranks);
}

TrainingResult train_network(TrainingTask const& task, std::filesystem::path const& weights, ModelCard card,
                             RankGroup const& ranks, TrainingHooks const& hooks) {
  auto const device = device_of(task.device);
  if (task.threads > 0) at::set_num_threads(task.threads);
  torch::manual_seed(task.training.seed);
  auto const network = make_network(task.network, task.shape, task.options);
  network->to(device);
  auto const& info = network->info();
  auto const training = opened(task.patches, info, device, task.resident_bytes);
  std::unique_ptr<FilePatches> validation;
  if (!task.validation.empty()) validation = opened(task.validation, info, device, task.resident_bytes / 4);

  Trainer trainer(*network, *training, validation.get(), task.training, ranks);
  bool const keeps = !task.checkpoint.empty();
  if (keeps && std::filesystem::exists(task.checkpoint)) trainer.restore(read_checkpoint(task.checkpoint));

  CheckpointClock clock(task.checkpoint_seconds, keeps && ranks.rank == 0);
  Trainer::Hooks inner{.should_stop = hooks.should_stop,
                       .should_save = [&] { return clock.due(); },
                       .save =
                           [&] {
                             if (!keeps) return;
                             auto const checkpoint = trainer.checkpoint();
                             if (ranks.rank == 0) write_checkpoint(task.checkpoint, checkpoint);
                           },
                       .report = hooks.report};
  TrainingResult result;
  result.outcome = as_result(trainer.run(inner));
  if (result.outcome != TrainingResult::Outcome::interrupted) inner.save();
  result.curve = trainer.curve();
  for (auto const& parameter : network->parameters()) result.parameters += parameter.numel();
  result.training_patches = training->size();
  result.validation_patches = validation ? validation->size() : 0;
  if (result.outcome == TrainingResult::Outcome::interrupted) return result;

  trainer.use_best();
  if (validation && info.path != InferencePath::diffusion) {
    result.scores = scores_of(
        *network, *validation,
        [&](PatchBatch const& batch) {
          return training_sample({batch, {}, {}}, info);
        },
        ranks);
  }
  if (ranks.rank == 0 && !weights.empty()) {
    complete(card, task, info, PatchFile(task.patches).header().band_names, result);
    auto const arrays = arrays_of(*network);
    if (hooks.digest) card.sha256 = hooks.digest(weight_data(arrays));
    write_weight_file(weights, arrays, card);
  }
  return result;
}

namespace {

NetworkInput random_images(NetworkInfo const& info, int size, int patches, torch::Device device) {
  auto const options = torch::TensorOptions(torch::kFloat32).device(device);
  auto const image = [&] { return torch::rand({patches, info.bands, size, size}, options); };
  auto const known = torch::ones({patches, 1, size, size}, options);
  NetworkInput input;
  if (info.form == NetworkForm::series) {
    input.coarse_series = torch::stack({image(), image(), image()}, 1);
    input.fine_series = torch::stack({image(), torch::zeros_like(image()), image()}, 1);
    input.coarse_series_valid = torch::ones({patches, 3, 1, size, size}, options);
    input.fine_series_valid = torch::stack({known, torch::zeros_like(known), known}, 1);
    input.days = (torch::arange(3, options) * 16).expand({patches, 3});
    input.day_of_year = input.days + 100;
    return input;
  }
  for (Tensor* const place : {&input.coarse_target, &input.coarse_before, &input.fine_before,
                              &input.coarse_after, &input.fine_after})
    *place = image();
  for (Tensor* const place : {&input.coarse_target_valid, &input.coarse_before_valid,
                              &input.fine_before_valid, &input.coarse_after_valid, &input.fine_after_valid})
    *place = known;
  if (info.path == InferencePath::diffusion) {
    input.noisy = image();
    input.step = torch::full({patches}, info.steps / 2, options.dtype(torch::kInt64));
  }
  return input;
}

}  // namespace

double measured_speed(std::string const& network_name, NetworkShape const& shape,
                      std::map<std::string, std::string> const& options, std::string const& device_name,
                      int size, int patches, double seconds) {
  torch::NoGradGuard const fixed;
  auto const device = device_of(device_name);
  auto const network = make_network(network_name, shape, options);
  network->to(device);
  network->eval();
  auto const input = random_images(network->info(), size, patches, device);
  // Looking at one number waits for the device.
  auto const predict = [&] { return network->predict(input).flatten()[0].item<float>(); };
  predict();
  predict();
  auto const begin = Clock::now();
  double elapsed = 0;
  std::int64_t runs = 0;
  while (elapsed < seconds || runs < 2) {
    predict();
    ++runs;
    elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return static_cast<double>(runs) * patches * size * size / elapsed / 1e6;
}

}  // namespace stfcube::nn
