#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "stfcube/jobs/apps/commands.hpp"
#include "stfcube/jobs/cube_state.hpp"
#include "stfcube/jobs/job_keys.hpp"
#include "stfcube/jobs/plan_report.hpp"
#include "stfcube/jobs/run_job.hpp"
#include "stfcube/jobs/status.hpp"
#include "stfcube/jobs/train.hpp"
#include "stfcube/models/registry.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using Words = std::vector<std::string>;

int run(CommandArguments const& arguments, Words const&, Communicator const& comm) {
  JobSpec spec;
  comm.together([&] { spec = arguments.job(); });
  return run_job(spec, {.command = arguments.deciding_command(), .fresh = arguments.has("fresh")}, comm);
}

int plan(CommandArguments const& arguments, Words const&, Communicator const& comm) {
  JobSpec spec;
  int ranks = 1;
  comm.together([&] {
    spec = arguments.job();
    ranks = arguments.integer("ranks", 1, 1 << 20);
  });
  CubeState const state = cube_state(spec, comm);
  auto const job = prepare_job(spec, state.started, comm);
  if (comm.is_root())
    fmt::print("{}", arguments.has("json") ? plan_json(*job, state.text, ranks)
                                           : plan_report(*job, state.text, ranks));
  return 0;
}

int status(CommandArguments const& arguments, Words const&, Communicator const& comm) {
  std::string text;
  comm.together([&] {
    if (!comm.is_root()) return;
    CubeStatus const seen = cube_status(arguments.positional());
    text = arguments.has("json") ? status_json(seen) : status_text(seen);
  });
  fmt::print("{}", text);
  return 0;
}

int train_network(CommandArguments const& arguments, Words const&, Communicator const& comm) {
  TrainSettings settings;
  comm.together([&] {
    settings = {.job = arguments.job(),
                .export_patches = arguments.text("export-patches"),
                .fresh = arguments.has("fresh")};
  });
  return train(settings, comm);
}

int init(CommandArguments const&, Words const&, Communicator const& comm) {
  if (comm.is_root()) fmt::print("{}", job_file_template());
  return 0;
}

void show_model(std::string const& name, bool print) {
  // Six bands, because some methods need them by name.
  ModelSettings settings;
  settings.bands = {"blue", "green", "red", "nir", "swir1", "swir2"};
  settings.ratio = 16;
  ModelInfo const info = describe_model(name, settings);
  if (!print) return;
  ModelEntry const& entry = model_registry().at(name);
  fmt::print(
      "{} - {}\n{}\nSource: {}\nPairs needed: {}; coarse observation of the target date: {}\n"
      "Support (defaults): {} fine pixels, {} coarse cells\n",
      name, info.title, entry.summary, info.citation, info.pairs_needed,
      info.needs_coarse ? "used" : "not used", info.support.halo_px, info.support.halo_cells);
  if (entry.needs_weights()) fmt::print("A network: needs a file of weights (model.weights)\n");
  if (!entry.options.empty()) fmt::print("Options:\n");
  for (OptionSpec const& option : entry.options) {
    fmt::print("  {:<28} {} (default {})\n", name + "." + option.name, option.help,
               option.default_value.empty() ? "none" : option.default_value);
  }
}

void print_models() {
  for (bool const networks : {false, true}) {
    if (networks) fmt::print("\nNetworks, which need model.weights (incnet comes with its own):\n");
    for (auto const& [name, entry] : model_registry()) {
      if (entry.needs_weights() == networks) fmt::print("{:<12} {}\n", name, entry.summary);
    }
  }
  fmt::print("\n'stfcube models NAME' shows the source, the support and the options of one.\n");
}

int models(CommandArguments const& arguments, Words const& words, Communicator const& comm) {
  comm.together([&] {
    if (words.empty() && comm.is_root()) print_models();
    if (!words.empty()) show_model(arguments.positional(), comm.is_root());
  });
  return 0;
}

}  // namespace

std::vector<Command> job_commands() {
  return {
      {{"run",
        "JOB.cfg",
        "Builds the cube of a job, or continues it. Under mpirun or srun on all their ranks.",
        {{"fresh", "", "start over: replace a cube or a started run under cube.path"}},
        true},
       run},
      {{"plan",
        "JOB.cfg",
        "Checks everything 'run' would check and prints what it would do; computes nothing.",
        {{"json", "", "for machines"}, {"ranks", "N", "ranks the Slurm request is made for", "1"}},
        true},
       plan},
      {{"status",
        "CUBE",
        "Tells how far a cube is, while a run writes it and after its end.",
        {{"json", "", "for machines"}}},
       status},
      {{"train",
        "JOB.cfg",
        "Trains a network on the pairs of a job, or goes on with it. Under mpirun or srun on all their "
        "ranks.",
        {{"export-patches", "FILE",
          "only write the training patches (and FILE.validation), for another machine"},
         {"fresh", "", "start over: forget the training that was begun"}},
        true},
       train_network},
      {{"init", "", "Prints a commented job file with all keys and defaults.", {}}, init},
      {{"models", "[NAME]", "Lists the fusion methods, or describes one.", {}}, models},
  };
}

}  // namespace stfcube
