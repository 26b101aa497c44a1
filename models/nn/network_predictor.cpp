#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

#include "stfcube/models/nn/api/counter_noise.hpp"
#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/nn/api/predictor.hpp"
#include "stfcube/models/nn/blas.hpp"
#include "stfcube/models/nn/diffusion.hpp"
#include "stfcube/models/nn/layers/map_statistics.hpp"
#include "stfcube/models/nn/network_registry.hpp"
#include "stfcube/models/nn/state_dict.hpp"
#include "stfcube/models/nn/torchscript.hpp"
#include "stfcube/models/nn/weights/weight_file.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

/// LibTorch's own threads would change results and fight with those of the program. Its setting belongs to
/// the calling thread, so every thread that predicts makes it once.
void use_calling_thread_alone() {
  thread_local bool const done = [] {
    torch::set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

/// Counts what LibTorch's allocator holds for the calling thread.
class MemoryMeter final : public c10::MemoryReportingInfoBase {
 public:
  std::int64_t most() const { return most_; }
  bool memoryProfilingEnabled() const override { return true; }

  // LibTorch 1 and 2 have different types of the totals: one of the two overrides.
  void reportMemoryUsage(void*, std::int64_t bytes, std::int64_t, std::int64_t, c10::Device) { add(bytes); }
  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t, c10::Device) { add(bytes); }

 private:
  void add(std::int64_t bytes) {
    held_ += bytes;
    most_ = std::max(most_, held_);
  }
  std::int64_t held_ = 0, most_ = 0;
};

class NetworkPredictor final : public Predictor {
 public:
  NetworkPredictor(std::shared_ptr<Network> network, ModelCard card)
      : network_(std::move(network)), card_(std::move(card)), symmetric_(card_.scaling == "symmetric") {
    torch::NoGradGuard const fixed;
    network_->eval();
    for (auto& parameter : network_->parameters()) {
      parameter.set_requires_grad(false);
      if (parameter.dim() == 4 && network_->info().channels_last)
        parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
      weight_bytes_ = std::max(weight_bytes_, parameter.nbytes());
    }
  }

  NetworkInfo const& info() const override { return network_->info(); }
  ModelCard const& card() const override { return card_; }

  std::vector<float> predict(BlockImages const& images, RunSettings const& run) const override {
    std::vector<float> predicted;
    guarded(images, [&] {
      NetworkInput input = input_of(images);
      torch::Tensor output;
      auto const forward = [&] { output = network_->predict(input); };
      if (info().path == InferencePath::diffusion) {
        output = sampled(input, images, run);
      } else if (run.scene != nullptr) {
        use_statistics(*run.scene, forward);
      } else {
        forward();
      }
      predicted = values(output, images);
    });
    return predicted;
  }

  bool gather_maps(BlockImages const& images, CoreRectangle const& core,
                   std::vector<MapConstants> const& known, MapSums& sums) const override {
    bool found = false;
    guarded(images, [&] {
      NetworkInput const input = input_of(images);
      found = gather_statistics(known, {images.height, images.width, {core}}, sums,
                                [&] { network_->predict(input); });
    });
    return found;
  }

  std::size_t working_bytes(int height, int width, int dates) const override {
    std::scoped_lock const lock(measuring_);
    auto const [entry, is_new] = measured_.try_emplace({height, width, dates});
    if (is_new) entry->second = measure(height, width, dates);
    return entry->second;
  }

 private:
  template <class Body>
  void guarded(BlockImages const& images, Body const& body) const {
    static std::mutex one_at_a_time;
    std::unique_lock<std::mutex> turn(one_at_a_time, std::defer_lock);
    if (blas_needs_turns()) turn.lock();
    use_calling_thread_alone();
    c10::InferenceMode const inference;
    try {
      body();
    } catch (c10::Error const& error) {
      throw Error(ErrorKind::model, "network " + info().name + ", block of " + std::to_string(images.width) +
                                        " x " + std::to_string(images.height) +
                                        " pixels: " + error.what_without_backtrace());
    }
  }

  /// From noise to the image. The noise of a pixel is that of its place in the scene.
  torch::Tensor sampled(NetworkInput& input, BlockImages const& images, RunSettings const& run) const {
    NoiseSchedule const schedule = cosine_schedule(info().steps);
    CounterNoise const source{run.seed, run.member};
    auto const noise = [&](int step) {
      torch::Tensor drawn = torch::empty({1, images.bands, images.height, images.width});
      float* value = drawn.data_ptr<float>();
      for (int band = 0; band < images.bands; ++band) {
        for (int y = 0; y < images.height; ++y) {
          for (int x = 0; x < images.width; ++x)
            *value++ = source.at(step, band, run.row + y, run.column + x);
        }
      }
      return laid_out(drawn);
    };
    auto const denoise = [&](torch::Tensor const& noisy, int step) {
      input.noisy = laid_out(noisy);
      input.step = torch::full({1}, step, torch::kInt64);
      return network_->predict(input);
    };
    return sample(schedule, {.steps = run.steps, .eta = 0, .clamp = true}, denoise, noise);
  }

  torch::Tensor scaled(torch::Tensor const& physical) const {
    auto const unit = card_.factor == 1 ? physical : physical * card_.factor;
    return symmetric_ ? 2 * unit - 1 : unit;
  }

  /// A view of the numbers.
  static torch::Tensor view(std::vector<float> const& values, torch::IntArrayRef shape) {
    return torch::from_blob(const_cast<float*>(values.data()), shape);  // read only from here on
  }

  torch::Tensor laid_out(torch::Tensor const& image) const {
    return info().channels_last ? image.contiguous(torch::MemoryFormat::ChannelsLast) : image.contiguous();
  }

  NetworkInput input_of(BlockImages const& images) const {
    auto const image = [&](std::vector<float> const& values) {
      if (values.empty()) return torch::Tensor();
      return laid_out(scaled(view(values, {1, images.bands, images.height, images.width})));
    };
    auto const mask = [&](std::vector<float> const& values) {
      return values.empty() ? torch::Tensor() : view(values, {1, 1, images.height, images.width});
    };
    auto const series = [&](std::vector<float> const& values, int bands) {
      return values.empty() ? torch::Tensor()
                            : view(values, {1, images.dates, bands, images.height, images.width});
    };
    auto const days = [&](std::vector<float> const& values) {
      return values.empty() ? torch::Tensor() : view(values, {1, images.dates});
    };
    NetworkInput input;
    input.coarse_target = image(images.coarse_target);
    input.coarse_before = image(images.coarse_before);
    input.fine_before = image(images.fine_before);
    input.coarse_after = image(images.coarse_after);
    input.fine_after = image(images.fine_after);
    input.coarse_target_valid = mask(images.coarse_target_valid);
    input.coarse_before_valid = mask(images.coarse_before_valid);
    input.fine_before_valid = mask(images.fine_before_valid);
    input.coarse_after_valid = mask(images.coarse_after_valid);
    input.fine_after_valid = mask(images.fine_after_valid);
    input.days_before = torch::full({1}, images.days_before);
    input.days_after = torch::full({1}, images.days_after);
    if (images.dates == 0) return input;
    input.coarse_series_valid = series(images.coarse_series_valid, 1);
    input.fine_series_valid = series(images.fine_series_valid, 1);
    input.coarse_series = scaled(series(images.coarse_series, images.bands));
    // The contract says zero where nothing was observed, in whatever scaling.
    input.fine_series = scaled(series(images.fine_series, images.bands)) * input.fine_series_valid;
    input.day_of_year = days(images.day_of_year);
    input.days = days(images.days);
    return input;
  }

  std::vector<float> values(torch::Tensor const& output, BlockImages const& images) const {
    std::vector<std::int64_t> shape = {1, images.bands, images.height, images.width};
    if (info().form == NetworkForm::series) shape.insert(shape.begin() + 1, images.dates);
    TORCH_CHECK(output.sizes() == torch::IntArrayRef(shape), "it gave ", output.sizes(), " instead of ",
                torch::IntArrayRef(shape));
    auto unit = symmetric_ ? (output + 1) / 2 : output;
    if (card_.factor != 1) unit = unit / card_.factor;
    unit = unit.contiguous();
    float const* const first = unit.data_ptr<float>();
    return {first, first + unit.numel()};
  }

  std::size_t measure(int height, int width, int dates) const {
    auto const pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    std::size_t const bands = static_cast<std::size_t>(info().bands), count = static_cast<std::size_t>(dates);
    std::vector<float> const image(bands * pixels, 0.25f), mask(pixels, 1.0f);
    BlockImages images{info().bands, height, width, image, image, image, image,
                       image,        mask,   mask,  mask,  mask,  mask};
    images.days_before = images.days_after = 8;
    if (dates > 0) {
      images.dates = dates;
      images.coarse_series = images.fine_series = std::vector<float>(count * bands * pixels, 0.25f);
      images.coarse_series_valid = images.fine_series_valid = std::vector<float>(count * pixels, 1.0f);
      images.days = images.day_of_year = std::vector<float>(count, 0.0f);
      for (std::size_t i = 0; i < count; ++i) images.days[i] = images.day_of_year[i] = static_cast<float>(i);
    }
    auto const meter = std::make_shared<MemoryMeter>();
    {
      c10::DebugInfoGuard const counting(c10::DebugInfoKind::PROFILER_STATE, meter);
      predict(images, {});
    }
    // What LibTorch does not tell of: weights that oneDNN lays out anew, and its scratch pads.
    return static_cast<std::size_t>(meter->most()) / 4 * 5 + 2 * weight_bytes_ + (std::size_t{1} << 20);
  }

  std::shared_ptr<Network> network_;
  ModelCard card_;
  bool symmetric_;
  std::size_t weight_bytes_ = 0;  ///< of the largest parameter
  mutable std::mutex measuring_;
  mutable std::map<std::array<int, 3>, std::size_t> measured_;
};

/// The options of the file, checked against those that the job gives.
std::map<std::string, std::string> options_of(ModelCard const& card, WeightRequest const& request) {
  std::map<std::string, std::string> options;
  for (auto const& [name, value] : card.options) options[card.network + "." + name] = value;
  for (auto const& [name, value] : request.options) {
    auto const [entry, is_new] = options.try_emplace(name, value);
    require(is_new || entry->second == value, ErrorKind::config,
            request.file.string() + " holds a network with " + name + " = " + entry->second +
                ", but the job has " + value + ". Leave the option out, or give a file of that network.");
  }
  return options;
}

std::string listed(std::vector<std::string> const& words) {
  std::string text;
  for (auto const& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void check_card(ModelCard const& card, WeightRequest const& request) {
  require(card.network == request.network, ErrorKind::config,
          request.file.string() + " holds weights of the network " + card.network +
              ", but the job has model.name = " + request.network + ". Set model.name = " + card.network +
              ", or give a file of " + request.network + ".");
  bool const any_bands = card.bands == std::vector<std::string>{"*"};
  require(any_bands || card.bands == request.bands, ErrorKind::config,
          request.file.string() + " holds weights for the bands " + listed(card.bands) +
              ", but the cube has " + listed(request.bands) +
              ". Choose those bands in that order (fine.bands, coarse.bands), or train weights for these.");
}

ModelCard card_in(WeightFile const& weights, std::filesystem::path const& file) {
  require(weights.card.has_value(), ErrorKind::data,
          file.string() +
              " has no model card, so nobody knows its network, bands and scaling. Files of others are "
              "taken over by 'stfcube import-weights'.");
  return *weights.card;
}

/// The job's options are the contract, where they are given.
std::unique_ptr<Predictor> torchscript_predictor(WeightRequest const& request) {
  std::map<std::string, std::string> settings;
  for (auto const& [name, value] : request.options) settings[name.substr(name.find('.') + 1)] = value;
  TorchScriptModule const module = load_torchscript(request.file, settings);
  ModelCard card;
  card.network = request.network;
  card.bands = module.contract.bands;
  card.scaling = module.contract.scaling;
  check_card(card, request);
  return std::make_unique<NetworkPredictor>(module.network, card);
}

}  // namespace

std::unique_ptr<Predictor> load_predictor(WeightRequest const& request) {
  if (request.network == torchscript_name) return torchscript_predictor(request);
  WeightFile const weights = read_weight_file(request.file);
  ModelCard const card = card_in(weights, request.file);
  check_card(card, request);
  auto const network = make_network(card.network, {static_cast<int>(request.bands.size()), request.ratio},
                                    options_of(card, request));
  try {
    load_state_dict(*network, weights.arrays);
  } catch (Error const& error) {
    throw error.with(request.file.string());
  }
  return std::make_unique<NetworkPredictor>(network, card);
}

ModelCard read_model_card(std::filesystem::path const& file) {
  return card_in(read_weight_file(file), file);
}

}  // namespace stfcube::nn
