#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "stfcube/jobs/job_file.hpp"
#include "stfcube/jobs/job_spec.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

/// One option of a subcommand, beside the keys of the job file.
struct CommandOption {
  std::string name;           ///< "out" for --out
  std::string value;          ///< what its value is called in --help ("DIR"); empty: a switch
  std::string help;
  std::string default_value = {};
  bool repeatable = false;
  bool many = false;          ///< takes several words: --bands nir red green
};

/// How a subcommand is called.
struct CommandSyntax {
  std::string name;                     ///< "run"
  std::string positional;               ///< "JOB.cfg", empty: none
  std::string summary;                  ///< one line
  std::vector<CommandOption> options;
  bool job_keys = false;                ///< every key of the job file is an option too
};

/// A parsed command line.
class CommandArguments {
 public:
  /// @throws Error(config) for an unknown option (with the nearest known one), a missing value, a word too many
  CommandArguments(CommandSyntax const& syntax, std::vector<std::string> const& words);

  bool help() const { return help_; }
  bool has(std::string const& name) const { return options_.contains(name); }
  /// The value, else the default.
  std::string text(std::string const& name) const;
  std::vector<std::string> list(std::string const& name) const;
  /// @throws Error(config) when it is no whole number in the range
  int integer(std::string const& name, int lowest, int highest) const;
  /// @throws Error(config)
  double number(std::string const& name, double lowest, double highest) const;
  /// The word without dashes. @throws Error(config) when it is missing
  std::string positional() const;
  /// The command as the cube's history tells it: the file's name without its folder, and of the options those that decide
  /// the result.
  std::string deciding_command() const;
  /// The job file overlaid with the keys given as options. @throws Error(config)
  JobSpec job() const;
  /// The error with the place in the job file in front, when its message begins with a key that stands there.
  Error located(Error const& error) const;

 private:
  CommandSyntax syntax_;
  KeyValues options_, keys_;
  std::string positional_;
  bool help_ = false;
};

/// Text of `stfcube COMMAND --help`.
std::string help_text(CommandSyntax const& syntax);

}  // namespace stfcube
