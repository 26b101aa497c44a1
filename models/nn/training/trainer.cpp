#include "stfcube/models/nn/training/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

namespace F = torch::nn::functional;
using torch::Tensor;

/// Places in the tail of the gradients.
enum Tail { tail_loss, tail_reconstruction, tail_stop, tail_save, tail_length };

constexpr std::uint64_t noise_stream = 0x6E6F697365ULL, validation_stream = 0x76616C6964ULL;
constexpr std::int64_t validation_patches = 16;
constexpr std::size_t most_unread = 1000;

torch::Device device_of(Network const& network) {
  return network.parameters().at(0).device();
}

Tensor weights_tensor(std::vector<double> weights, int bands, torch::Device device) {
  if (weights.empty()) return {};
  require(static_cast<int>(weights.size()) == bands, ErrorKind::config,
          "The loss needs one weight per band: " + std::to_string(bands) + ".");
  double sum = 0;
  for (double const weight : weights) sum += weight;
  require(sum > 0, ErrorKind::config, "The loss needs weights of bands whose sum is positive.");
  for (double& weight : weights) weight *= bands / sum;
  return torch::tensor(weights, torch::kFloat32).to(device);
}

std::vector<float> floats_of(Tensor const& values) {
  auto const flat = values.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

void copy_floats(Tensor const& to, Checkpoint const& checkpoint, std::string const& name) {
  torch::NoGradGuard const fixed;
  auto const found = checkpoint.floats.find(name);
  require(found != checkpoint.floats.end() && static_cast<std::int64_t>(found->second.size()) == to.numel(),
          ErrorKind::data,
          "The checkpoint's '" + name +
              "' does not fit the network. Begin the training anew, or use "
              "the options it was begun with.");
  to.copy_(torch::tensor(found->second).view(to.sizes()));
}

/// While it lives a module's parameters gather no gradients.
class Frozen {
 public:
  explicit Frozen(torch::nn::Module& module) : parameters_(module.parameters()) { set(false); }
  ~Frozen() { set(true); }
  Frozen(Frozen const&) = delete;
  Frozen& operator=(Frozen const&) = delete;

 private:
  void set(bool trained) {
    for (auto& parameter : parameters_) parameter.set_requires_grad(trained);
  }
  std::vector<Tensor> parameters_;
};

}  // namespace

void check_training_options(TrainingOptions const& options, NetworkInfo const& info, int ranks) {
  require(options.batch >= ranks, ErrorKind::config,
          "A batch of " + std::to_string(options.batch) + " patches is too small for " +
              std::to_string(ranks) + " ranks: each needs one.");
  require(options.steps > 0 && options.validate_every > 0 && options.ema >= 0 && options.ema < 1,
          ErrorKind::config,
          "Training needs a positive number of steps and an average's decay from 0 to below 1.");
  Reconstruction const loss(options.loss);
  Schedule const schedule(options.schedule, options.steps);
  weights_tensor(options.band_weights, info.bands, torch::kCPU);
  if (options.adversarial != "none") AdversarialGame const game(options.adversarial);
}

Trainer::Trainer(Network& network, SampleSource const& training, SampleSource const* validation,
                 TrainingOptions options, RankGroup ranks)
    : network_(network),
      training_(training),
      validation_(validation),
      options_(std::move(options)),
      ranks_(std::move(ranks)),
      device_(device_of(network)),
      loss_(options_.loss),
      schedule_(options_.schedule, options_.steps),
      parameters_(network, tail_length),
      optimiser_(parameters_.values(), options_.beta1, options_.beta2, options_.weight_decay),
      average_(parameters_.values(), options_.ema),
      band_weights_(weights_tensor(options_.band_weights, network.info().bands, device_)) {
  check_training_options(options_, network.info(), ranks_.size);
  if (network.info().path == InferencePath::diffusion) diffusion_.emplace(network.info().steps);
  if (options_.adversarial == "none") return;
  discriminator_ = network.make_discriminator();
  if (!discriminator_) return;
  game_.emplace(options_.adversarial);
  discriminator_->to(device_);
  judge_parameters_.emplace(*discriminator_, 0);
  judge_optimiser_.emplace(judge_parameters_->values(), options_.beta1, options_.beta2,
                           options_.weight_decay);
}

TrainingSample Trainer::training_batch(std::int64_t first_slot, std::int64_t count) const {
  std::vector<std::int64_t> indices;
  std::vector<CounterRandom> random, noise;
  auto const step = static_cast<std::uint64_t>(step_);
  for (std::int64_t i = first_slot; i < first_slot + count; ++i) {
    auto const slot = static_cast<std::uint64_t>(i);
    random.emplace_back(options_.seed, step, slot);
    indices.push_back(
        static_cast<std::int64_t>(random.back().below(static_cast<std::uint64_t>(training_.size()))));
    noise.push_back(options_.fixed_noise ? CounterRandom(options_.seed ^ noise_stream, 0,
                                                         static_cast<std::uint64_t>(indices.back()))
                                         : CounterRandom(options_.seed ^ noise_stream, step, slot));
  }
  auto const patches = augmented(training_.patches(indices), options_.augmentation, random);
  return with_noise(training_sample(patches, network_.info()), std::move(noise));
}

TrainingSample Trainer::validation_batch(std::int64_t first, std::int64_t count) const {
  std::vector<std::int64_t> indices;
  std::vector<CounterRandom> noise;
  for (std::int64_t i = first; i < first + count; ++i) {
    indices.push_back(i);
    noise.emplace_back(options_.seed ^ validation_stream, 0, static_cast<std::uint64_t>(i));
  }
  AugmentedPatches const patches{validation_->patches(indices), {}, {}};
  return with_noise(training_sample(patches, network_.info()), std::move(noise));
}

TrainingSample Trainer::with_noise(TrainingSample sample, std::vector<CounterRandom> random) const {
  if (!diffusion_) return sample;
  auto const noisy = diffusion_->noisy(in_scaling(sample.truth, network_.info()), random);
  sample.input.noisy = noisy.image;
  sample.input.step = noisy.step;
  return sample;
}

Tensor Trainer::reconstruction(std::vector<Tensor> const& outputs, TrainingSample const& sample) const {
  Tensor sum;
  for (Tensor const& output : outputs) {
    auto const prediction = target_reflectance(output, network_.info());
    auto truth = sample.truth, mask = sample.mask;
    if (auto const factor = truth.size(-1) / prediction.size(-1); factor > 1) {
      truth = F::avg_pool2d(truth, F::AvgPool2dFuncOptions(factor));
      mask = torch::floor(F::avg_pool2d(mask, F::AvgPool2dFuncOptions(factor)));
    }
    auto const loss = loss_({prediction, truth, mask, band_weights_});
    sum = sum.defined() ? sum + loss : loss;
  }
  return sum;
}

/// The generator's term, [N]; adds the discriminator's gradients on the way.
Tensor Trainer::adversarial(Tensor const& prediction, TrainingSample const& sample) {
  auto const truth = in_scaling(sample.truth, network_.info());
  // Where nothing is known the real image has the network's pixels, which then say nothing about who made
  // them.
  auto const real = torch::where(sample.mask > 0, truth, prediction.detach());
  auto const judged = game_->discriminator_loss(discriminator_->judge(real, sample.input),
                                                discriminator_->judge(prediction.detach(), sample.input));
  (judged.sum() / options_.batch).backward();
  Frozen const fixed(*discriminator_);
  return game_->generator_loss(discriminator_->judge(prediction, sample.input));
}

void Trainer::backward(TrainingSample const& sample) {
  auto const outputs = network_.predict_all(sample.input);
  auto const fitted = reconstruction(outputs, sample).sum() / options_.batch;
  auto loss = fitted;
  if (game_) {
    auto const main = outputs.at(0).dim() == 5 ? outputs[0].select(1, 1) : outputs[0];
    loss = loss + options_.adversarial_weight * adversarial(main, sample).sum() / options_.batch;
  }
  loss.backward();
  torch::NoGradGuard const fixed;
  parameters_.tail().narrow(0, tail_loss, 1).add_(loss.detach());
  parameters_.tail().narrow(0, tail_reconstruction, 1).add_(fitted.detach());
}

Trainer::Wishes Trainer::step_with(Wishes const& own) {
  network_.train();
  parameters_.clear_gradients();
  if (judge_parameters_) judge_parameters_->clear_gradients();
  std::int64_t const batch = options_.batch;
  std::int64_t const begin = batch * ranks_.rank / ranks_.size, end = batch * (ranks_.rank + 1) / ranks_.size;
  std::int64_t const at_once = options_.micro_batch > 0 ? options_.micro_batch : end - begin;
  for (auto slot = begin; slot < end; slot += at_once)
    backward(training_batch(slot, std::min(at_once, end - slot)));
  Wishes all = own;
  if (ranks_.size > 1) {
    parameters_.tail()[tail_stop] = own.stop ? 1 : 0;
    parameters_.tail()[tail_save] = own.save ? 1 : 0;
    sum_over_ranks(parameters_.gradients_and_tail());
    if (judge_parameters_) sum_over_ranks(judge_parameters_->gradients_and_tail());
    auto const tail = parameters_.tail().to(torch::kCPU);
    all = {tail[tail_stop].item<float>() > 0, tail[tail_save].item<float>() > 0};
  }
  optimise(schedule_.rate(step_ + 1));
  return all;
}

void Trainer::optimise(double rate) {
  torch::NoGradGuard const fixed;
  ++step_;
  curve_.push_back({step_, 0, 0, rate, -1});
  unread_.push_back(parameters_.tail().narrow(0, 0, 2).clone());
  if (unread_.size() >= most_unread) flush_curve();
  clip(parameters_.gradients());
  optimiser_.step(parameters_.gradients(), rate);
  average_.update(step_);
  if (!judge_parameters_) return;
  clip(judge_parameters_->gradients());
  judge_optimiser_->step(judge_parameters_->gradients(), rate);
  if (double const limit = game_->parameter_limit(); limit > 0) {
    auto values = judge_parameters_->values();
    values.clamp_(-limit, limit);
  }
}

void Trainer::clip(Tensor const& gradients) const {
  if (options_.clip <= 0) return;
  // Without a look at the norm on the host: the device need not wait.
  auto scaled = gradients;
  scaled.mul_((options_.clip / (gradients.norm() + 1e-12)).clamp_max(1));
}

void Trainer::sum_over_ranks(Tensor const& values) const {
  if (ranks_.size == 1) return;
  auto const host = values.to(torch::kCPU).contiguous();
  ranks_.sum({host.data_ptr<float>(), static_cast<std::size_t>(host.numel())});
  auto to = values;
  if (!host.is_same(values)) to.copy_(host);
}

/// Running means of normalisations are those of a rank's own patches: from now on all ranks have the same.
void Trainer::average_buffers() {
  if (ranks_.size == 1) return;
  torch::NoGradGuard const fixed;
  for (auto& buffer : network_.buffers()) {
    if (!buffer.is_floating_point() || buffer.numel() == 0) continue;
    auto const values = buffer.to(torch::kCPU).contiguous().clone();
    sum_over_ranks(values);
    buffer.copy_(values / ranks_.size);
  }
}

double Trainer::validate() {
  ensure(validation_ != nullptr, "validation has patches");
  average_buffers();
  torch::NoGradGuard const fixed;
  AveragedParameters const averaged(parameters_.values(), average_.average());
  network_.eval();
  auto const count = validation_->size();
  auto sum = torch::zeros({1}, torch::TensorOptions(torch::kFloat32).device(device_));
  auto const begin = count * ranks_.rank / ranks_.size, end = count * (ranks_.rank + 1) / ranks_.size;
  for (auto first = begin; first < end; first += validation_patches) {
    auto const sample = validation_batch(first, std::min(validation_patches, end - first));
    sum += reconstruction({network_.predict(sample.input)}, sample).sum();
  }
  sum_over_ranks(sum);
  return sum.item<float>() / static_cast<double>(count);
}

void Trainer::validated(double loss) {
  flush_curve();
  curve_.back().validation = loss;
  schedule_.validated(loss);
  if (loss >= best_validation_) {
    ++failures_;
    return;
  }
  best_validation_ = loss;
  failures_ = 0;
  best_ = average_.average().clone();
  best_buffers_.clear();
  for (auto const& buffer : network_.buffers()) best_buffers_.push_back(buffer.clone());
}

void Trainer::use_best() {
  torch::NoGradGuard const fixed;
  auto values = parameters_.values();
  values.copy_(best_.defined() ? best_ : average_.average());
  auto buffers = network_.buffers();
  for (std::size_t i = 0; i < best_buffers_.size(); ++i) buffers[i].copy_(best_buffers_[i]);
}

std::vector<CurvePoint> const& Trainer::curve() {
  flush_curve();
  return curve_;
}

void Trainer::flush_curve() {
  if (unread_.empty()) return;
  auto const values = torch::stack(unread_).to(torch::kCPU);
  auto const first = curve_.size() - unread_.size();
  unread_.clear();
  for (std::size_t i = first; i < curve_.size(); ++i) {
    auto const row = values[static_cast<std::int64_t>(i - first)];
    curve_[i].loss = row[tail_loss].item<float>();
    curve_[i].reconstruction = row[tail_reconstruction].item<float>();
    require(std::isfinite(curve_[i].loss), ErrorKind::model,
            "The loss is no number at step " + std::to_string(curve_[i].step) +
                ": the training diverged. Lower the learning rate or the clipping norm.");
  }
}

Trainer::Outcome Trainer::run(Hooks const& hooks) {
  using Clock = std::chrono::steady_clock;
  auto const begin = Clock::now();
  auto last_report = begin;
  auto const first_step = step_;
  auto reported = curve_.size();
  double latest_validation = -1;
  auto const report = [&] {
    if (!hooks.report || reported == curve_.size()) return;
    flush_curve();
    double const seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    TrainingProgress progress{.step = step_, .steps = options_.steps, .validation = latest_validation};
    for (auto i = reported; i < curve_.size(); ++i)
      progress.loss += curve_[i].loss / static_cast<double>(curve_.size() - reported);
    reported = curve_.size();
    double const done = static_cast<double>(step_ - first_step);
    progress.samples_per_second = done * options_.batch / std::max(seconds, 1e-9);
    progress.seconds_left = done > 0 ? static_cast<double>(options_.steps - step_) * seconds / done : 0;
    hooks.report(progress);
    last_report = Clock::now();
  };
  while (!is_finished()) {
    auto const wishes =
        step_with({hooks.should_stop && hooks.should_stop(), hooks.should_save && hooks.should_save()});
    if (validation_ != nullptr && (step_ % options_.validate_every == 0 || step_ == options_.steps)) {
      latest_validation = validate();
      validated(latest_validation);
    }
    if ((wishes.save || wishes.stop) && hooks.save) hooks.save();
    if (Clock::now() - last_report > std::chrono::seconds(1)) report();
    if (wishes.stop && !is_finished()) {
      report();
      return Outcome::interrupted;
    }
  }
  flush_curve();
  report();
  return step_ < options_.steps ? Outcome::stopped_early : Outcome::finished;
}

Checkpoint Trainer::checkpoint() {
  flush_curve();
  average_buffers();
  Checkpoint saved;
  saved.texts["network"] = network_.info().name;
  saved.texts["run"] = identity();
  saved.floats["parameters"] = floats_of(parameters_.values());
  saved.floats["first_moment"] = floats_of(optimiser_.first_moment());
  saved.floats["second_moment"] = floats_of(optimiser_.second_moment());
  if (options_.ema > 0) saved.floats["average"] = floats_of(average_.average());
  if (best_.defined()) saved.floats["best"] = floats_of(best_);
  auto const buffers = network_.buffers();
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    saved.floats["buffer." + std::to_string(i)] = floats_of(buffers[i]);
    if (best_.defined()) saved.floats["best_buffer." + std::to_string(i)] = floats_of(best_buffers_[i]);
  }
  if (judge_parameters_) {
    saved.floats["discriminator.parameters"] = floats_of(judge_parameters_->values());
    saved.floats["discriminator.first_moment"] = floats_of(judge_optimiser_->first_moment());
    saved.floats["discriminator.second_moment"] = floats_of(judge_optimiser_->second_moment());
    auto const judge_buffers = discriminator_->buffers();
    for (std::size_t i = 0; i < judge_buffers.size(); ++i)
      saved.floats["discriminator.buffer." + std::to_string(i)] = floats_of(judge_buffers[i]);
  }
  auto const& state = schedule_.state();
  saved.numbers["state"] = {static_cast<double>(step_),
                            static_cast<double>(failures_),
                            best_validation_,
                            state.best,
                            static_cast<double>(state.failures),
                            state.share};
  auto& curve = saved.numbers["curve"];
  for (auto const& point : curve_) {
    curve.insert(curve.end(), {static_cast<double>(point.step), point.loss, point.reconstruction,
                               point.learning_rate, point.validation});
  }
  return saved;
}

std::string Trainer::identity() const {
  return network_.info().name + " with " + std::to_string(parameters_.values().numel()) +
         " parameters, batch " + std::to_string(options_.batch) + ", seed " + std::to_string(options_.seed) +
         ", loss " + options_.loss;
}

void Trainer::restore(Checkpoint const& checkpoint) {
  auto const run = checkpoint.texts.find("run");
  require(run != checkpoint.texts.end() && run->second == identity(), ErrorKind::data,
          "The checkpoint belongs to another training (" +
              (run == checkpoint.texts.end() ? "unknown" : run->second) + "), this one is " + identity() +
              ". Use its options, or another checkpoint file.");
  auto const state = checkpoint.numbers.find("state"), curve = checkpoint.numbers.find("curve");
  require(state != checkpoint.numbers.end() && state->second.size() == 6 &&
              curve != checkpoint.numbers.end() && curve->second.size() % 5 == 0,
          ErrorKind::data, "The checkpoint lacks the state of the training.");
  copy_floats(parameters_.values(), checkpoint, "parameters");
  copy_floats(optimiser_.first_moment(), checkpoint, "first_moment");
  copy_floats(optimiser_.second_moment(), checkpoint, "second_moment");
  if (options_.ema > 0) copy_floats(average_.average(), checkpoint, "average");
  bool const has_best = checkpoint.floats.contains("best");
  if (has_best) copy_floats(best_ = torch::empty_like(parameters_.values()), checkpoint, "best");
  best_buffers_.clear();
  auto const buffers = network_.buffers();
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    copy_floats(buffers[i], checkpoint, "buffer." + std::to_string(i));
    if (!has_best) continue;
    best_buffers_.push_back(torch::empty_like(buffers[i]));
    copy_floats(best_buffers_.back(), checkpoint, "best_buffer." + std::to_string(i));
  }
  if (judge_parameters_) {
    copy_floats(judge_parameters_->values(), checkpoint, "discriminator.parameters");
    copy_floats(judge_optimiser_->first_moment(), checkpoint, "discriminator.first_moment");
    copy_floats(judge_optimiser_->second_moment(), checkpoint, "discriminator.second_moment");
    auto const judge_buffers = discriminator_->buffers();
    for (std::size_t i = 0; i < judge_buffers.size(); ++i)
      copy_floats(judge_buffers[i], checkpoint, "discriminator.buffer." + std::to_string(i));
  }
  auto const& numbers = state->second;
  step_ = static_cast<std::int64_t>(numbers[0]);
  failures_ = static_cast<int>(numbers[1]);
  best_validation_ = numbers[2];
  schedule_.restore({numbers[3], static_cast<int>(numbers[4]), numbers[5]});
  optimiser_.set_steps(step_);
  if (judge_optimiser_) judge_optimiser_->set_steps(step_);
  curve_.clear();
  unread_.clear();
  for (auto at = curve->second.begin(); at != curve->second.end(); at += 5)
    curve_.push_back({static_cast<std::int64_t>(at[0]), at[1], at[2], at[3], at[4]});
}

}  // namespace stfcube::nn
