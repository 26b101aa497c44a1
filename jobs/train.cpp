#include "stfcube/jobs/train.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/jobs/loss_chart.hpp"
#include "stfcube/jobs/prepared_job.hpp"
#include "stfcube/jobs/run_times.hpp"
#include "stfcube/jobs/training_split.hpp"
#include "stfcube/models/nn/api/patch_file.hpp"
#include "stfcube/models/nn/api/training.hpp"
#include "stfcube/partitioning/core/build_info.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/stop_request.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

/// What is prepared is the archive, not a cube: any method that needs nothing more will do.
JobSpec archive_of(JobSpec job) {
  job.model_name = "increment";
  job.weights.clear();
  job.target_dates = "fine";
  job.uncertainty = false;
  job.gap_fill = true;
  return job;
}

/// Options of the network's structure that the job gives; others are about its use.
std::map<std::string, std::string> structure_of(JobSpec const& job) {
  std::map<std::string, std::string> options;
  for (auto const& network : nn::network_list()) {
    if (network.name != job.training.network) continue;
    for (OptionSpec const& option : network.options) {
      auto const given = job.model_options.find(network.name + "." + option.name);
      if (given != job.model_options.end() && !given->second.empty()) options.insert(*given);
    }
  }
  return options;
}

/// Lines of the job that decide the patches and the curve.
std::string deciding_text(JobSpec const& job) {
  std::vector<std::string> const undecided = {"train.out", "train.checkpoint_every", "train.device",
                                              "train.licence", "train.early_stopping"};
  std::string text;
  for (std::string const& line : split(job.text, '\n')) {
    auto const key = std::string(trim(line.substr(0, line.find('='))));
    bool const of_training =
        key.starts_with("train.") && std::ranges::find(undecided, key) == undecided.end();
    bool const of_archive = key.starts_with("grid.") || key.starts_with("fine.") ||
                            key.starts_with("coarse.") || key == "model.max_pair_gap" ||
                            key == "model.pair_tolerance";
    if (of_training || of_archive) text += line + "\n";
  }
  for (auto const& [name, value] : structure_of(job)) text += name + " = " + value + "\n";
  return text;
}

std::string content_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The file has its name when it is complete.
void put(fs::path const& path, std::string const& content) {
  auto const partial = path.string() + ".partial";
  std::ofstream file(partial, std::ios::binary);
  file << content;
  file.close();
  require(file.good(), ErrorKind::io, fmt::format("cannot write {}", partial));
  fs::rename(partial, path);
}

std::string duration_text(double seconds) {
  auto const whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return whole >= 60 ? fmt::format("{} min {:02} s", whole / 60, whole % 60) : fmt::format("{} s", whole);
}

/// One log line a minute, and one at the end.
class TrainingLog {
 public:
  void operator()(nn::TrainingProgress const& progress) {
    bool const last = progress.step >= progress.steps;
    if (!last && steady_clock::now() - last_ < std::chrono::minutes(1)) return;
    last_ = steady_clock::now();
    log::info(fmt::format(
        "step {} of {}, loss {:.5f}{}, {:.1f} patches/s, {} left", progress.step, progress.steps,
        progress.loss,
        progress.validation < 0 ? std::string() : fmt::format(", validation {:.5f}", progress.validation),
        progress.samples_per_second, duration_text(progress.seconds_left)));
  }

 private:
  steady_clock::time_point last_ = steady_clock::now() - std::chrono::hours(1);
};

struct PatchFiles {
  fs::path training, validation;
};

/// One start of a training.
class Training {
 public:
  Training(TrainSettings const& settings, Communicator const& comm)
      : settings_(settings), spec_(settings.job.training), comm_(comm), work_(spec_.out.string() + ".work") {
    comm.together([&] {
      // Says what is wrong with the network before anything is read.
      nn::check_training(task_of(settings.job.grid.ratio.value_or(1)), comm.size());
      info_ = nn::describe_network(spec_.network, shape(settings.job.grid.ratio.value_or(1)),
                                   structure_of(settings.job));
      auto const& quantity = settings.job.quantity;
      require(
          quantity.step == 1e-4 && quantity.offset == 0, ErrorKind::config,
          fmt::format("cube.quantity = {}: networks are trained on quantities in steps of 0.0001, such as "
                      "surface_reflectance.",
                      quantity.name));
    });
  }

  int export_patches() {
    prepare();
    PatchFiles const files{settings_.export_patches, settings_.export_patches.string() + ".validation"};
    draw(files);
    return 0;
  }

  int run() {
    begin();
    PatchFiles const files{work_ / "training.patches", work_ / "validation.patches"};
    if (finished_) return 0;
    prepare();
    if (!is_drawn(files)) draw(files);
    comm_.barrier();
    auto const result = learn(files);
    comm_.together([&] {
      if (comm_.is_root()) write_curve(result.curve);
    });
    if (result.outcome == nn::TrainingResult::Outcome::interrupted) {
      log::info(fmt::format("stopped at step {} of {}: run the same command again to go on",
                            result.curve.size(), spec_.options.steps));
      return stopped_status;
    }
    close(result);
    return 0;
  }

 private:
  nn::NetworkShape shape(int ratio) const { return {static_cast<int>(settings_.job.bands.size()), ratio}; }

  /// Without files.
  nn::TrainingTask task_of(int ratio) const {
    nn::TrainingTask task;
    task.network = spec_.network;
    task.shape = shape(ratio);
    task.options = structure_of(settings_.job);
    task.training = spec_.options;
    task.checkpoint_seconds = static_cast<double>(spec_.checkpoint_every.count());
    task.device = spec_.device;
    return task;
  }

  /// Looks at what stands there already.
  void begin() {
    std::string state;
    comm_.together([&] {
      if (!comm_.is_root()) return;
      if (settings_.fresh) {
        fs::remove_all(work_);
        fs::remove(spec_.out);
      }
      auto const text = deciding_text(settings_.job);
      auto const earlier = content_of(work_ / "job.txt");
      require(
          earlier.empty() || earlier == text, ErrorKind::config,
          fmt::format(
              "train.out = {}: its training was begun with other settings or inputs. Give another name, or "
              "start over with --fresh.",
              spec_.out.string()));
      if (fs::exists(spec_.out) && earlier.empty()) {
        state = "finished";
        return;
      }
      fs::create_directories(work_);
      put(work_ / "job.txt", text);
    });
    finished_ = comm_.broadcast(state) == "finished";
    if (finished_) {
      log::info(
          fmt::format("{} stands there already: nothing to do (--fresh trains it anew)", spec_.out.string()));
    }
  }

  void prepare() {
    job_ = prepare_job(archive_of(settings_.job), std::nullopt, comm_);
    comm_.together([&] {
      split_.emplace(spec_, job_->task.fine_grid, job_->task.ratio, job_->pairs,
                     settings_.job.max_pair_gap_days);
    });
  }

  /// Whether the files of an earlier start are complete: the note is written after them.
  bool is_drawn(PatchFiles const& files) {
    std::string drawn;
    if (comm_.is_root() && fs::exists(work_ / "drawn") && fs::exists(files.training)) drawn = "yes";
    return comm_.broadcast(drawn) == "yes";
  }

  void draw(PatchFiles const& files) {
    auto const training = split_->training();
    comm_.together([&] {
      require(
          !training.triples.empty(), ErrorKind::data,
          fmt::format(
              "the archive has {} pairs of fine and coarse scenes, of which no two that are not withheld lie "
              "within model.max_pair_gap = {} days. Training needs a pair as label and another as reference.",
              job_->pairs.size(), settings_.job.max_pair_gap_days));
      require(!training.places.empty(), ErrorKind::config,
              "train.validation_share and train.withheld_regions leave no place for a training patch. "
              "Withhold less, or "
              "take smaller patches (train.patch).");
    });
    auto const count = write({training}, spec_.patches, files.training);
    log::info(fmt::format("{} training patches of {} px from {} dates", count, split_->patch_px(),
                          training.triples.size()));
    std::vector<PatchPool> withheld;
    for (auto& pool : {split_->withheld_dates(), split_->withheld_places()}) {
      if (!pool.triples.empty() && !pool.places.empty()) withheld.push_back(pool);
    }
    if (!withheld.empty() && spec_.validation_patches > 0) {
      auto const kept = write(withheld, spec_.validation_patches, files.validation);
      log::info(fmt::format("{} validation patches", kept));
    } else {
      log::warning(
          "nothing is withheld from the training: neither its end nor its weights are judged. Set "
          "train.validation_dates or train.validation_share");
    }
    comm_.together([&] {
      if (comm_.is_root() && settings_.export_patches.empty()) put(work_ / "drawn", "");
    });
  }

  std::int64_t write(std::vector<PatchPool> const& pools, std::int64_t count, fs::path const& file) {
    PatchDraw const draw{
        .pools = pools, .patch_px = split_->patch_px(), .count = count, .seed = spec_.options.seed};
    return write_training_patches(draw, job_->task, file, job_->threads, comm_);
  }

  nn::TrainingResult learn(PatchFiles const& files) {
    nn::TrainingTask task = task_of(job_->task.ratio);
    task.patches = files.training;
    if (fs::exists(files.validation)) task.validation = files.validation;
    task.checkpoint = work_ / "checkpoint";
    task.threads = job_->threads;
    auto const end = end_of_time(settings_.job, begin_);
    auto const margin = settings_.job.grace;
    TrainingLog log_line;
    nn::TrainingHooks hooks;
    hooks.should_stop = [&] { return stop_requested() || (end && steady_clock::now() + margin / 2 > *end); };
    if (comm_.is_root()) hooks.report = [&](nn::TrainingProgress const& progress) { log_line(progress); };
    hooks.digest = [](std::string const& bytes) { return sha256_hex(bytes); };
    nn::RankGroup const ranks{comm_.rank(), comm_.size(),
                              [&](std::span<float> values) { comm_.sum(values); }};
    return nn::train_network(task, work_ / "weights", card(), ranks, hooks);
  }

  nn::ModelCard card() const {
    nn::ModelCard card;
    card.bands = settings_.job.bands;
    card.ratio = std::to_string(job_->task.ratio);
    auto const dates = job_->fine.reader->dates();
    card.training_data = fmt::format(
        "{} fine and {} coarse scenes, {} pairs from {} to {}, {}, bands {}, ratio {}, patches of {} px",
        job_->fine.catalog.scenes.size(), job_->coarse.catalog.scenes.size(), job_->pairs.size(),
        to_string(dates.front()), to_string(dates.back()), describe(job_->task.fine_grid),
        fmt::join(settings_.job.bands, " "), job_->task.ratio, split_->patch_px());
    if (!spec_.validation_dates.empty()) {
      std::vector<std::string> withheld;
      for (Date const date : spec_.validation_dates) withheld.push_back(to_string(date));
      card.training_data += fmt::format("; withheld dates: {}", fmt::join(withheld, " "));
    }
    card.licence = spec_.licence;
    card.source = info_.citation.empty() ? std::string("trained by stfcube train")
                                         : fmt::format("{}; trained by stfcube train", info_.citation);
    card.stfcube_version = version_described();
    card.created = creation_time();
    return card;
  }

  void write_curve(std::vector<nn::CurvePoint> const& curve) const {
    if (curve.empty()) return;
    put(spec_.out.string() + ".loss.csv", nn::curve_csv(curve));
    put(spec_.out.string() + ".loss.svg",
        draw_loss_curve(fmt::format("{}: loss", spec_.network), curve).document());
  }

  void close(nn::TrainingResult const& result) {
    comm_.together([&] {
      if (!comm_.is_root()) return;
      fs::rename(work_ / "weights", spec_.out);
      fs::remove_all(work_);
    });
    log::info(
        fmt::format("{}: {} parameters, {} steps on {} patches{}", spec_.out.string(), result.parameters,
                    result.curve.size(), result.training_patches,
                    result.outcome == nn::TrainingResult::Outcome::stopped_early ? ", stopped early" : ""));
    if (result.scores.pixels > 0) {
      log::info(fmt::format(
          "RMSE on {} withheld patches: network {:.5f}, reference plus coarse change {:.5f}, copy of the "
          "reference {:.5f}",
          result.validation_patches, result.scores.network, result.scores.increment, result.scores.copy));
    }
  }

  TrainSettings const& settings_;
  TrainingSpec const& spec_;
  Communicator const& comm_;
  fs::path work_;
  nn::NetworkInfo info_;
  steady_clock::time_point begin_ = steady_clock::now();
  bool finished_ = false;
  std::unique_ptr<PreparedJob> job_;
  std::optional<TrainingSplit> split_;
};

}  // namespace

int train(TrainSettings const& settings, Communicator const& comm) {
  listen_to_stop_signals();
  Training training(settings, comm);
  return settings.export_patches.empty() ? training.run() : training.export_patches();
}

}  // namespace stfcube
