#include "stfcube/jobs/run_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <ranges>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/stored_progress.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/jobs/cube_layout.hpp"
#include "stfcube/jobs/cube_state.hpp"
#include "stfcube/jobs/job_file.hpp"
#include "stfcube/jobs/job_inputs.hpp"
#include "stfcube/jobs/plan_report.hpp"
#include "stfcube/jobs/prepared_job.hpp"
#include "stfcube/jobs/run_records.hpp"
#include "stfcube/jobs/run_times.hpp"
#include "stfcube/partitioning/core/build_info.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/stop_request.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/pipeline/tile_pipeline.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

/// Some tiles failed; they are listed.
constexpr int failed_tiles_status = 4;

/// What this start fixes for later ones.
StartedRun first_start(PreparedJob const& job, RunSettings const& settings) {
  return {.job_digest = job.spec.digest,
          .job_text = deciding_lines(job.spec.text),
          .software = version_described(),
          .created = creation_time(),
          .command = settings.command,
          .writer = job.spec.writer,
          .tile_px = job.spec.tile_px,
          .slab_dates = job.memory.slab_dates,
          .units = job.plan.units(),
          .inputs = input_lines(job.inputs, job.spec.folder)};
}

/// Slowest and median over ranks of a number, for the closing lines.
std::string slowest_and_median(double value, Communicator const& comm) {
  std::vector<double> all(static_cast<std::size_t>(comm.size()));
  all[static_cast<std::size_t>(comm.rank())] = value;
  comm.sum(all);
  std::ranges::sort(all);
  return fmt::format("{:.1f} / {:.1f}", all.back(), all[all.size() / 2]);
}

void log_closing(RunProgress const& result, double seconds, Timings const& timings, PreparedJob const& job,
                 Communicator const& comm) {
  auto const text = [&](std::atomic<std::int64_t> const& clock) {
    return slowest_and_median(static_cast<double>(clock.load()) * 1e-9, comm);
  };
  // In this order on every rank: each line is a collective sum.
  std::string const read = text(timings.read_ns);
  std::string const fuse = text(timings.fuse_ns);
  std::string const write = text(timings.write_ns);
  std::string const wait = text(timings.wait_ns);
  auto const peak = static_cast<std::uint64_t>(comm.max(static_cast<std::int64_t>(peak_memory_bytes())));
  double const rate = static_cast<double>(result.pixel_values) / seconds / 1e6;
  log::info(fmt::format("{} units in {:.1f} s: {:.2f} M pixel values/s, {:.2f} M per core", result.units_done, seconds, rate,
                        rate / (static_cast<double>(comm.size()) * job.threads)));
  log::info(fmt::format("thread seconds, slowest / median rank: read {}, fuse {}, write {}, wait {}", read, fuse, write, wait));
  log::info(fmt::format("peak memory per rank {} of {}", format_bytes(peak), format_bytes(job.budget.bytes)));
}

void log_start(PreparedJob const& job, Communicator const& comm) {
  log::info(fmt::format("stfcube {}: {} rank{}, {} on this node, {} threads each (this process may use {} cores)",
                        version_described(), comm.size(), comm.size() == 1 ? "" : "s", comm.node_size(), job.threads,
                        available_threads()));
  if (available_threads() < job.threads) {
    log::warning(fmt::format("{} threads share {} cores. Start mpirun with --bind-to none, or give each rank more cores.",
                             job.threads, available_threads()));
  }
}

constexpr char const* statistics_file = "statistics.bin";

void keep_statistics(WorkDirectory const& place, std::vector<std::string> const& rounds) {
  std::string text;
  for (std::string const& round : rounds) text += fmt::format("{} {}\n", sha256_hex(round), round.size()) + round;
  place.replace(statistics_file, text);
}

/// The rounds that an earlier start kept; empty when they cannot be used. @param packed  what the file holds
std::vector<std::string> rounds_of(std::string const& packed) {
  std::vector<std::string> rounds;
  for (std::size_t at = 0; at < packed.size();) {
    auto const end = packed.find('\n', at);
    if (end == std::string::npos) return {};
    auto const words = split(packed.substr(at, end - at), ' ');
    auto const size = words.size() == 2 ? parse_integer(words[1]) : std::nullopt;
    if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > packed.size() - end - 1) return {};
    rounds.push_back(packed.substr(end + 1, static_cast<std::size_t>(*size)));
    if (sha256_hex(rounds.back()) != words[0]) return {};
    at = end + 1 + rounds.back().size();
  }
  return rounds;
}

std::string kept_statistics(WorkDirectory const& place) {
  std::ifstream file(place.file(statistics_file), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// One start of a cube, from the lock to the last log line.
class CubeRun {
 public:
  CubeRun(JobSpec const& spec, RunSettings const& settings, Communicator const& comm)
      : spec_(spec), settings_(settings), comm_(comm), place_(spec.cube_path, comm) {}

  int run() {
    try {
      return build();
    } catch (...) {
      forget_empty_start();
      throw;
    }
  }

 private:
  /// A start that failed before its first unit leaves nothing that could stand in the way of another job.
  void forget_empty_start() const noexcept {
    try {
      if (comm_.is_root() && stored_progress(place_.file("")).units.empty()) place_.clear();
    } catch (...) {
      // What made the run fail is told; this is only tidiness.
    }
  }

  int build() {
    if (is_finished()) return 0;
    prepare();
    auto const writer = make_cube_writer(spec_.writer, cube_layout(*job_, *started_), place_, comm_);
    Plan const& plan = job_->plan;
    auto todo = assign(plan, job_->tile_cost, comm_.size());
    Timings timings;
    prepare_statistics(todo[static_cast<std::size_t>(comm_.rank())]);
    leave_out(todo, writer->units_done());
    make_records(todo, writer->units_done().size());
    RunOutcome const outcome =
        run_units(job_->task, plan, todo,
                  {job_->threads, job_->memory.in_flight, spec_.grace, end_of_time(spec_, begin_)}, *writer, comm_, timings,
                  records_ ? &*records_ : nullptr);
    std::size_t const done = writer->units_done().size() + outcome.done.units_done;
    if (outcome.stopped) return stopped(done);
    note("finishing");
    return finish(*writer, outcome, done, timings);
  }

  bool is_finished() {
    CubeState const state = settings_.fresh ? CubeState{.text = "new"} : cube_state(spec_, comm_);
    comm_.together([&] {
      // What is finished may have left something behind: a run that died between its last two steps.
      if ((settings_.fresh || state.finished) && comm_.is_root()) place_.clear();
    });
    state_ = state.text;
    started_ = state.started;
    if (state.finished) {
      log::info(fmt::format("{} is the finished cube of this job: nothing to do", spec_.cube_path.string()));
    }
    return state.finished;
  }

  void prepare() {
    job_ = prepare_job(spec_, started_, comm_);
    log_start(*job_, comm_);
    for (std::string const& line : split(plan_report(*job_, state_, comm_.size()), '\n')) {
      if (!line.empty()) log::info(line);
    }
    if (started_) return;
    std::string text;
    comm_.together([&] {
      if (!comm_.is_root()) return;
      text = to_json(first_start(*job_, settings_));
      // Work of which nobody knows how the cube was cut is of no use.
      place_.clear();
      place_.replace(started_run_file, text);
    });
    started_ = started_run_from_json(comm_.broadcast(text));
  }

  /// Statistics are gathered by the first start and kept: later ones need not read the whole archive for them.
  void prepare_statistics(std::vector<Unit> const& my_units) {
    if (!job_->model->wants_statistics() && !job_->task.uncertainty) return;
    std::string text;
    comm_.together([&] {
      if (comm_.is_root()) text = kept_statistics(place_);
    });
    auto const kept = rounds_of(comm_.broadcast(text));
    auto const rounds = run_first_passes(job_->task, job_->plan, my_units, job_->threads, comm_, kept);
    comm_.together([&] {
      if (comm_.is_root() && kept.empty()) keep_statistics(place_, rounds);
    });
  }

  void leave_out(std::vector<std::vector<Unit>>& todo, std::vector<std::int64_t> const& done) const {
    for (auto& units : todo) {
      std::erase_if(units, [&](Unit const& unit) { return std::ranges::binary_search(done, job_->plan.unit_number(unit)); });
    }
    if (!done.empty()) log::info(fmt::format("{} of {} units were done by earlier starts", done.size(), job_->plan.units()));
  }

  void make_records(std::vector<std::vector<Unit>> const& todo, std::size_t before) {
    std::int64_t values = 0;
    for (Unit const& unit : todo | std::views::join) {
      values += job_->plan.tiles[static_cast<std::size_t>(unit.tile)].area() *
                job_->plan.slabs[static_cast<std::size_t>(unit.slab)].count * static_cast<std::int64_t>(spec_.bands.size());
    }
    comm_.together([&] {
      if (!comm_.is_root()) return;
      records_.emplace(place_, job_->plan,
                       RunFacts{job_->plan.units(), before, values, comm_.size(), job_->threads, spec_.writer});
    });
  }

  void note(std::string const& state) {
    comm_.together([&] {
      if (records_) records_->note(state);
    });
  }

  int stopped(std::size_t done) {
    note("stopped");
    bool const kept = spec_.writer == "staged";
    if (comm_.is_root()) {
      log::warning(fmt::format("stopped as asked after {} of {} units. {}", done, job_->plan.units(),
                               kept ? "Run the same command again to continue."
                                    : "cube.writer = collective keeps nothing of them: the next start begins anew."));
    }
    return stopped_status;
  }

  int finish(CubeWriter& writer, RunOutcome const& outcome, std::size_t done, Timings const& timings) {
    require(done > 0, ErrorKind::data,
            outcome.failed.empty() ? std::string("the cube has no unit.")
                                   : fmt::format("no unit could be computed. The first: {}", outcome.failed.front().reason));
    std::string const digest =
        writer.finish({done, job_->plan.units(), failed_lines(outcome.failed, job_->plan)});
    // Only what is still to be done stays: the work directory of a cube with failed tiles.
    if (!outcome.failed.empty()) note("finished with failed tiles");
    comm_.together([&] {
      if (outcome.failed.empty() && comm_.is_root()) place_.clear();
    });
    double const seconds = std::chrono::duration<double>(steady_clock::now() - begin_).count();
    log_closing(outcome.done, seconds, timings, *job_, comm_);
    if (outcome.failed.empty()) {
      log::info(fmt::format("{} is complete, content digest {}", spec_.cube_path.string(), digest));
      return 0;
    }
    if (comm_.is_root()) {
      log::warning(fmt::format("{} is finished, but {} of {} units failed and are without data (first: {}). Once their input "
                               "can be read, the same command computes them alone.",
                               spec_.cube_path.string(), outcome.failed.size(), job_->plan.units(),
                               outcome.failed.front().reason));
    }
    return failed_tiles_status;
  }

  JobSpec const& spec_;
  RunSettings const& settings_;
  Communicator comm_;
  steady_clock::time_point begin_ = steady_clock::now();
  WorkDirectory place_;
  std::string state_;
  std::optional<StartedRun> started_;
  std::unique_ptr<PreparedJob> job_;
  std::optional<RunRecords> records_;  ///< on rank 0
};

}  // namespace

int run_job(JobSpec const& spec, RunSettings const& settings, Communicator const& comm) {
  give_back_freed_memory();
  listen_to_stop_signals();
  // What stands in the way is told before anything is made beside it.
  bool const finished = !settings.fresh && cube_state(spec, comm).finished;
  if (finished && !fs::exists(work_directory_of(spec.cube_path))) {
    log::info(fmt::format("{} is the finished cube of this job: nothing to do", spec.cube_path.string()));
    return 0;
  }
  return CubeRun(spec, settings, comm).run();
}

}  // namespace stfcube
