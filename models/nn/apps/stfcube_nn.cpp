/// Trains and times networks on a machine that has LibTorch, but neither MPI, GDAL nor HDF5.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/nn/api/patch_file.hpp"
#include "stfcube/models/nn/api/training.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::nn {
namespace {

constexpr char usage[] =
    "stfcube_nn train --patches FILE [--validation FILE] --network NAME [--option NAME=VALUE]... --out "
    "WEIGHTS\n"
    "  [--steps N] [--batch N] [--micro-batch N] [--learning-rate X] [--schedule "
    "constant|cosine|step|plateau]\n"
    "  [--warm-up N] [--weight-decay X] [--clip X] [--ema X] [--loss 'l1 + 0.8 msssim'] [--adversarial "
    "NAME]\n"
    "  [--adversarial-weight X] [--gain X] [--offset X] [--seed N] [--validate-every N] [--early-stopping "
    "N]\n"
    "  [--checkpoint FILE] [--checkpoint-seconds X] [--curve FILE.csv] [--device cpu|cuda] [--time-limit "
    "SECONDS]\n"
    "  [--licence TEXT] [--training-data TEXT]\n"
    "stfcube_nn bench --network NAME [--option NAME=VALUE]... [--bands N] [--ratio N] [--size N] [--patches "
    "N]\n"
    "  [--device cpu|cuda] [--seconds X]\n"
    "stfcube_nn networks\n"
    "Exit status: 0 done, 75 stopped before the end (run again with the same --checkpoint to go on), else an "
    "error.\n";

std::atomic<bool> interrupted = false;
extern "C" void on_signal(int) {
  interrupted = true;
}

/// The words of the command line: "--name value", repeated ones in order.
class Arguments {
 public:
  Arguments(int count, char** words) {
    for (int i = 2; i < count; i += 2) {
      std::string const name = words[i];
      require(name.starts_with("--") && i + 1 < count, ErrorKind::config,
              "Each option is --name and a value; '" + name + "' is not.\n" + usage);
      values_[name.substr(2)].push_back(words[i + 1]);
    }
  }

  std::string text(std::string const& name, std::string const& otherwise) {
    used_.push_back(name);
    auto const found = values_.find(name);
    return found == values_.end() ? otherwise : found->second.back();
  }
  std::string needed(std::string const& name) {
    auto const value = text(name, "");
    require(!value.empty(), ErrorKind::config, "--" + name + " is missing.\n" + usage);
    return value;
  }
  double number(std::string const& name, double otherwise) {
    auto const value = text(name, "");
    if (value.empty()) return otherwise;
    auto const number = parse_double(value);
    require(number.has_value(), ErrorKind::config, "--" + name + " " + value + " is no number.");
    return *number;
  }
  template <class Integer>
  Integer integer(std::string const& name, Integer otherwise) {
    return static_cast<Integer>(number(name, static_cast<double>(otherwise)));
  }
  std::vector<std::string> all(std::string const& name) {
    used_.push_back(name);
    auto const found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>{} : found->second;
  }

  /// @throws Error(config) for an option that nobody asked for
  void check() const {
    for (auto const& [name, values] : values_) {
      if (std::find(used_.begin(), used_.end(), name) != used_.end()) continue;
      auto const near = nearest_word(name, used_);
      throw Error(ErrorKind::config,
                  "There is no option --" + name + "." + (near ? " Did you mean --" + *near + "?" : ""));
    }
  }

 private:
  std::map<std::string, std::vector<std::string>> values_;
  std::vector<std::string> used_;
};

std::map<std::string, std::string> network_options(Arguments& arguments, std::string const& network) {
  std::map<std::string, std::string> options;
  for (auto const& assignment : arguments.all("option")) {
    auto const equals = assignment.find('=');
    require(equals != std::string::npos, ErrorKind::config,
            "--option takes NAME=VALUE, not " + assignment + ".");
    options[network + "." + assignment.substr(0, equals)] = assignment.substr(equals + 1);
  }
  return options;
}

TrainingOptions training_options(Arguments& arguments) {
  TrainingOptions options;
  options.steps = arguments.integer("steps", options.steps);
  options.batch = arguments.integer("batch", options.batch);
  options.micro_batch = arguments.integer("micro-batch", options.micro_batch);
  options.schedule.learning_rate = arguments.number("learning-rate", options.schedule.learning_rate);
  options.schedule.kind = arguments.text("schedule", options.schedule.kind);
  options.schedule.warm_up = arguments.integer("warm-up", options.schedule.warm_up);
  options.weight_decay = arguments.number("weight-decay", options.weight_decay);
  options.clip = arguments.number("clip", options.clip);
  options.ema = arguments.number("ema", options.ema);
  options.loss = arguments.text("loss", options.loss);
  options.adversarial = arguments.text("adversarial", options.adversarial);
  options.adversarial_weight = arguments.number("adversarial-weight", options.adversarial_weight);
  options.augmentation.gain = arguments.number("gain", options.augmentation.gain);
  options.augmentation.offset = arguments.number("offset", options.augmentation.offset);
  options.seed = arguments.integer("seed", options.seed);
  options.validate_every = arguments.integer("validate-every", options.validate_every);
  options.early_stopping = arguments.integer("early-stopping", options.early_stopping);
  return options;
}

void print_progress(TrainingProgress const& progress) {
  std::fprintf(stderr, "step %lld of %lld, loss %.5f", static_cast<long long>(progress.step),
               static_cast<long long>(progress.steps), progress.loss);
  if (progress.validation >= 0) std::fprintf(stderr, ", validation %.5f", progress.validation);
  std::fprintf(stderr, ", %.0f patches/s, %.0f s left\n", progress.samples_per_second, progress.seconds_left);
}

int train(Arguments& arguments) {
  using Clock = std::chrono::steady_clock;
  TrainingTask task;
  task.network = arguments.needed("network");
  task.options = network_options(arguments, task.network);
  task.patches = arguments.needed("patches");
  task.validation = arguments.text("validation", "");
  task.checkpoint = arguments.text("checkpoint", "");
  task.checkpoint_seconds = arguments.number("checkpoint-seconds", task.checkpoint_seconds);
  task.device = arguments.text("device", "cpu");
  task.training = training_options(arguments);
  auto const weights = arguments.needed("out"), curve = arguments.text("curve", "");
  double const limit = arguments.number("time-limit", 0);
  ModelCard card;
  card.licence = arguments.text("licence", "");
  card.training_data = arguments.text("training-data", "");
  arguments.check();

  auto const header = PatchFile(task.patches).header();
  task.shape = {header.bands, header.ratio};
  for (int const signal : {SIGINT, SIGTERM, SIGUSR1}) std::signal(signal, on_signal);
  auto const begin = Clock::now();
  auto last = begin - std::chrono::hours(1);
  TrainingHooks const hooks{
      .should_stop =
          [&] {
            return interrupted ||
                   (limit > 0 && std::chrono::duration<double>(Clock::now() - begin).count() > limit);
          },
      .report =
          [&](TrainingProgress const& progress) {
            if (Clock::now() - last < std::chrono::seconds(10) && progress.step < progress.steps) return;
            last = Clock::now();
            print_progress(progress);
          }};
  auto const result = train_network(task, weights, card, {}, hooks);
  if (!curve.empty()) std::ofstream(curve) << curve_csv(result.curve);
  if (result.outcome == TrainingResult::Outcome::interrupted) {
    std::fprintf(stderr, "Stopped at step %zu. Run again with the same checkpoint to go on.\n",
                 result.curve.size());
    return 75;
  }
  std::printf("%s: %lld parameters, %zu steps, %lld training patches\n", task.network.c_str(),
              static_cast<long long>(result.parameters), result.curve.size(),
              static_cast<long long>(result.training_patches));
  if (result.scores.pixels > 0) {
    std::printf("validation RMSE: network %.5f, increment %.5f, copy %.5f\n", result.scores.network,
                result.scores.increment, result.scores.copy);
  }
  return 0;
}

int bench(Arguments& arguments) {
  auto const network = arguments.needed("network");
  auto const options = network_options(arguments, network);
  NetworkShape const shape{arguments.integer("bands", 6), arguments.integer("ratio", 16)};
  int const size = arguments.integer("size", 512), patches = arguments.integer("patches", 1);
  auto const device = arguments.text("device", "cpu");
  double const seconds = arguments.number("seconds", 5);
  arguments.check();
  double const speed = measured_speed(network, shape, options, device, size, patches, seconds);
  std::printf("%s: %.3f megapixels per second (%d x %d x %d, %d bands, %s)\n", network.c_str(), speed,
              patches, size, size, shape.bands, device.c_str());
  return 0;
}

int list() {
  for (auto const& network : network_list())
    std::printf("%-12s %lld parameters at 6 bands: %s\n", network.name.c_str(),
                static_cast<long long>(count_parameters(network.name, {}, {})), network.summary.c_str());
  return 0;
}

int run(int count, char** words) {
  std::string const command = count > 1 ? words[1] : "";
  if (command == "networks") return list();
  Arguments arguments(count, words);
  if (command == "train") return train(arguments);
  if (command == "bench") return bench(arguments);
  std::fputs(usage, stderr);
  return 2;
}

}  // namespace
}  // namespace stfcube::nn

int main(int count, char** words) {
  try {
    return stfcube::nn::run(count, words);
  } catch (...) {
    auto const error = stfcube::current_error();
    std::fprintf(stderr, "stfcube_nn: %s\n", error.what());
    return stfcube::exit_status(error.kind());
  }
}
