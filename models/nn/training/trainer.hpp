#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/models/nn/training/adamw.hpp"
#include "stfcube/models/nn/training/adversarial.hpp"
#include "stfcube/models/nn/training/checkpoint_file.hpp"
#include "stfcube/models/nn/training/diffusion_steps.hpp"
#include "stfcube/models/nn/training/flat_parameters.hpp"
#include "stfcube/models/nn/training/losses.hpp"
#include "stfcube/models/nn/training/moving_average.hpp"
#include "stfcube/models/nn/training/schedule.hpp"
#include "stfcube/models/nn/training/training_sample.hpp"

namespace stfcube::nn {

/// @throws Error(config) for options that contradict themselves or do not fit the network
void check_training_options(TrainingOptions const& options, NetworkInfo const& info, int ranks);

/// Trains one network. What is drawn at random depends on seed, step and place in the global batch only, and
/// gradients are sums over the global batch divided by its size: the curve does not depend on the number of
/// ranks (but for rounding; networks with batch normalisation see only their own rank's part). On one rank a
/// run that goes on from a checkpoint gives the same bits as one without a break.
///
/// With more than one rank all members are collective unless said otherwise.
class Trainer {
 public:
  /// @param network on its device, float32; must outlive the trainer, which takes over its parameters' memory
  /// @param training, validation  on the same device; `validation` may be null. They outlive the trainer.
  /// @throws Error(config) for options that contradict themselves
  Trainer(Network& network, SampleSource const& training, SampleSource const* validation,
          TrainingOptions options, RankGroup ranks = {});

  /// What happens between steps. All may be empty.
  struct Hooks {
    /// Asked on each rank before every step; one that says yes ends the run.
    std::function<bool()> should_stop = {};
    /// Asked likewise; one that says yes makes all call `save` after the step.
    std::function<bool()> should_save = {};
    /// Collective; may call checkpoint().
    std::function<void()> save = {};
    /// On every rank, once a second and at the end.
    std::function<void(TrainingProgress const&)> report = {};
  };

  enum class Outcome { finished, stopped_early, interrupted };

  /// Trains until the last step, early stopping or a wish to stop.
  /// @throws Error(model) when the loss is no longer a number
  Outcome run(Hooks const& hooks);

  /// One step of training.
  void step() { step_with({}); }

  std::int64_t steps_done() const { return step_; }
  bool is_finished() const { return step_ >= options_.steps || gave_up(); }

  /// The curve so far. Not collective.
  std::vector<CurvePoint> const& curve();

  /// Mean reconstruction loss over the validation patches, with the averaged parameters.
  double validate();

  /// Validation loss of the best parameters so far (those that `use_best` takes); infinite before the first.
  double best_validation() const { return best_validation_; }

  /// Leaves the network with the parameters of the best validation; without validations with the average's.
  /// Training must not go on after this. Not collective.
  void use_best();

  /// All that is needed to go on. Collective when the network has buffers.
  Checkpoint checkpoint();
  /// @throws Error(data) when it is another network's or another run's. Not collective.
  void restore(Checkpoint const& checkpoint);

 private:
  /// What ranks want to happen after a step; summed over ranks with the gradients.
  struct Wishes {
    bool stop = false, save = false;
  };

  Wishes step_with(Wishes const& own);
  bool gave_up() const { return options_.early_stopping > 0 && failures_ >= options_.early_stopping; }
  TrainingSample training_batch(std::int64_t first_slot, std::int64_t count) const;
  TrainingSample validation_batch(std::int64_t first, std::int64_t count) const;
  TrainingSample with_noise(TrainingSample sample, std::vector<CounterRandom> random) const;
  void backward(TrainingSample const& sample);
  torch::Tensor reconstruction(std::vector<torch::Tensor> const& outputs, TrainingSample const& sample) const;
  torch::Tensor adversarial(torch::Tensor const& prediction, TrainingSample const& sample);
  void optimise(double rate);
  void sum_over_ranks(torch::Tensor const& values) const;
  void clip(torch::Tensor const& gradients) const;
  void average_buffers();
  void validated(double loss);
  void flush_curve();
  std::string identity() const;

  Network& network_;
  SampleSource const& training_;
  SampleSource const* validation_;
  TrainingOptions options_;
  RankGroup ranks_;
  torch::Device device_;
  Reconstruction loss_;
  Schedule schedule_;
  FlatParameters parameters_;
  AdamW optimiser_;
  MovingAverage average_;
  torch::Tensor best_, band_weights_;
  std::vector<torch::Tensor> best_buffers_;
  std::optional<DiffusionSteps> diffusion_;
  std::shared_ptr<Discriminator> discriminator_;
  std::optional<AdversarialGame> game_;
  std::optional<FlatParameters> judge_parameters_;
  std::optional<AdamW> judge_optimiser_;

  std::int64_t step_ = 0;
  int failures_ = 0;
  double best_validation_ = std::numeric_limits<double>::infinity();
  std::vector<CurvePoint> curve_;
  std::vector<torch::Tensor> unread_;  ///< [2] on the device: losses of the last points of the curve
};

}  // namespace stfcube::nn
