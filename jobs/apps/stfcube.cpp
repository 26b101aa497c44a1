#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/cube.hpp"
#include "stfcube/jobs/apps/commands.hpp"
#include "stfcube/models/simd.hpp"
#include "stfcube/partitioning/core/build_info.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/partitioning/mpi/session.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

using Words = std::vector<std::string>;

std::vector<Command> commands() {
  std::vector<Command> all = job_commands();
  for (Command& command : data_commands()) all.push_back(std::move(command));
  for (Command& command : weight_commands()) all.push_back(std::move(command));
  return all;
}

void print_help() {
  fmt::print("stfcube builds seamless, dense, fine-resolution data cubes from fine-but-rare and coarse-but-frequent images.\n\n"
             "Usage: stfcube COMMAND [JOB.cfg] [--key value ...]\n\nCommands:\n");
  for (Command const& command : commands()) fmt::print("  {:<14} {}\n", command.syntax.name, command.syntax.summary);
  fmt::print("\nstfcube COMMAND --help shows the options of a command; stfcube --version all versions.\n"
             "First steps: stfcube simulate --out demo --size 600 --seed 1; stfcube run demo/job.cfg\n");
}

void print_version() {
  fmt::print("stfcube {}\nMPI: {}\nHDF5: {}\nGDAL: {}\nLibTorch: {}\nTBB: {}\nSIMD: {}\n", version_described(), mpi_version(),
             cube_library_version(), raster_library_version(), torch_version(), threading_version(), simd_target());
}

/// A program that was started n times as rank 0 of 1 would write one cube n times over itself.
void check_world(Communicator const& world) {
  char const* tasks = std::getenv("SLURM_STEP_NUM_TASKS");
  auto const expected = tasks ? parse_integer(tasks) : std::nullopt;
  require(!expected || *expected == world.size() || world.size() > 1, ErrorKind::config,
          fmt::format("Slurm started {} tasks, but MPI sees {}: each would do all the work. Start with srun --mpi=pmix (see "
                      "'srun --mpi=list'), or with mpirun inside the allocation.",
                      tasks ? tasks : "", world.size()));
}

Command const& find_command(std::vector<Command> const& all, std::string const& name) {
  auto const found = std::ranges::find(all, name, [](Command const& c) { return c.syntax.name; });
  if (found != all.end()) return *found;
  Words names;
  for (Command const& command : all) names.push_back(command.syntax.name);
  auto const near = nearest_word(name, names);
  throw Error(ErrorKind::config, fmt::format("'{}' is no command.{} 'stfcube --help' lists them.", name,
                                             near ? " Did you mean " + *near + "?" : ""));
}

int dispatch(Words const& words, Communicator const& world) {
  bool const asked = !words.empty() && (words[0] == "--help" || words[0] == "-h" || words[0] == "help");
  if ((asked || words.empty()) && world.is_root()) print_help();
  if (asked) return 0;
  world.together([&] {
    require(!words.empty(), ErrorKind::config, "no command is given. Choose one, for example: stfcube run JOB.cfg");
  });
  if (words[0] == "--version") {
    if (world.is_root()) print_version();
    return 0;
  }
  auto const all = commands();
  Words const rest(words.begin() + 1, words.end());
  Command const* command = nullptr;
  std::optional<CommandArguments> arguments;
  world.together([&] {
    command = &find_command(all, words[0]);
    arguments.emplace(command->syntax, rest);
    check_world(world);
  });
  if (arguments->help()) {
    if (world.is_root()) fmt::print("{}", help_text(command->syntax));
    return 0;
  }
  try {
    return command->run(*arguments, rest, world);
  } catch (Error const& error) {
    throw arguments->located(error);
  }
}

/// An error that all ranks agreed on comes to every rank alike, and rank 0 tells. One that a single rank met would leave
/// the others waiting for it, so it ends them all.
int guarded(Words const& words, Communicator const& world) {
  try {
    return dispatch(words, world);
  } catch (...) {
    Error const error = current_error();
    bool const alone = world.size() > 1 && !error.agreed();
    if (world.is_root() || alone) {
      fmt::print(stderr, "stfcube: {}\n", error.what());
      if (error.kind() == ErrorKind::internal) {
        fmt::print(stderr, "stfcube: this is a fault of the program ({}:{}); please report it with the command.\n",
                   error.where().file_name(), error.where().line());
      }
    }
    if (alone) Session::abort(exit_status(error.kind()));
    return exit_status(error.kind());
  }
}

}  // namespace
}  // namespace stfcube

int main(int argc, char** argv) {
  try {
    stfcube::Session session(argc, argv);
    return stfcube::guarded({argv + 1, argv + argc}, session.world());
  } catch (...) {
    stfcube::log::error(stfcube::current_error().what());
    stfcube::Session::abort(1);
  }
}
