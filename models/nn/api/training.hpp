#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "stfcube/models/nn/api/model_card.hpp"
#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/nn/api/training_options.hpp"

namespace stfcube::nn {

/// One training from beginning to end, or the next part of it.
struct TrainingTask {
  std::string network;
  NetworkShape shape;                          ///< bands as the patch file has them
  std::map<std::string, std::string> options;  ///< "NAME.OPTION" -> value
  TrainingOptions training;
  std::filesystem::path patches;     ///< patch file
  std::filesystem::path validation;  ///< patch file; empty = no validation
  std::filesystem::path checkpoint;  ///< goes on from it when it exists; empty = none is kept
  double checkpoint_seconds = 300;   ///< between checkpoints; one is also written at every stop
  int threads = 0;                   ///< of each rank, on a CPU; 0 = as LibTorch chooses
  std::string device = "cpu";        ///< cpu | cuda | cuda:N
  std::int64_t resident_bytes = std::int64_t{64} << 30;  ///< of a device's memory for patches
};

/// Root mean square errors of reflectance on the validation patches, over all bands.
struct ValidationScores {
  double network = 0;
  double increment = 0;  ///< fine reference + change of the coarse image
  double copy = 0;       ///< fine reference
  std::int64_t pixels = 0;
};

struct TrainingResult {
  enum class Outcome { finished, stopped_early, interrupted };
  Outcome outcome = Outcome::finished;
  std::vector<CurvePoint> curve;
  ValidationScores scores;  ///< zeros without validation patches, and when interrupted
  std::int64_t parameters = 0;
  std::int64_t training_patches = 0, validation_patches = 0;
};

/// What the caller is told, and may ask for, while a training goes on. All may be empty.
struct TrainingHooks {
  /// Asked on each rank before each step; one that says yes ends the run.
  std::function<bool()> should_stop = {};
  /// About once a second, on every rank.
  std::function<void(TrainingProgress const&)> report = {};
  /// SHA-256 of the weights, for the card.
  std::function<std::string(std::string const&)> digest = {};
};

/// Says what is wrong with a task before its patches exist: network, options, loss, schedule, device.
/// @throws Error(config)
void check_training(TrainingTask const& task, int ranks);

/// Trains, and at the end writes the best parameters as a weight file on rank 0. An interrupted training
/// leaves its checkpoint only.
///
/// Collective over `ranks` (all with the same task).
/// @param weights  file to write; empty = none
/// @param card     network, options, bands, ratio, scaling and metrics are filled in here, the rest is the
/// caller's
/// @throws Error(config|data|io|model)
TrainingResult train_network(TrainingTask const& task, std::filesystem::path const& weights, ModelCard card,
                             RankGroup const& ranks, TrainingHooks const& hooks);

/// The curve as a table: step,loss,reconstruction,learning_rate,validation. Without a validation the last
/// cell is empty.
std::string curve_csv(std::vector<CurvePoint> const& curve);

/// Megapixels per second that the network predicts at random images of size x size, in evaluation mode.
/// @throws Error(config)
double measured_speed(std::string const& network, NetworkShape const& shape,
                      std::map<std::string, std::string> const& options, std::string const& device, int size,
                      int patches, double seconds);

}  // namespace stfcube::nn
