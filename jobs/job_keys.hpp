#pragma once

#include <string>
#include <vector>

namespace stfcube {

/// One key of the job file. Declared once: the command line, the job file, `--help`, `init`, the documentation and the
/// recorded job all come from this table.
struct JobKey {
  std::string name;           ///< "grid.ratio"
  std::string default_value = {};  ///< empty: none
  std::string help = {};           ///< one line, with unit and the known words
  std::string example = {};        ///< what `init` shows where there is no default; empty: nothing
  bool repeatable = false;    ///< may stand several times
  bool decides_result = true; ///< part of the job digest; false for where and how a job runs

  /// The section it is shown in; options of a method stand in [model] with their full name.
  std::string section() const;
  /// Its name inside that section: "ratio", "starfm.window".
  std::string name_in_section() const;
};

/// All keys, by section; the options of every registered method (METHOD.OPTION) stand among those of [model].
std::vector<JobKey> const& job_keys();

/// Null when there is no such key. "model.starfm.window" and "starfm.window" are the same key.
JobKey const* find_job_key(std::string const& name);

/// "grid.resolution is not a key ... Did you mean grid.ratio?"
std::string unknown_key_message(std::string const& name);

}  // namespace stfcube
