#pragma once

#include <functional>
#include <string>
#include <vector>

#include "stfcube/jobs/command_line.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// One subcommand: how it is called, and what it does. `run` is collective and returns the exit status.
struct Command {
  CommandSyntax syntax;
  std::function<int(CommandArguments const&, std::vector<std::string> const& words, Communicator const&)> run;
};

/// Subcommands that work on a job file: run, plan, init, models.
std::vector<Command> job_commands();

/// Subcommands that work on files and cubes: simulate, evaluate, export.
std::vector<Command> data_commands();

/// Subcommands that make weight files of networks: import-weights.
std::vector<Command> weight_commands();

}  // namespace stfcube
