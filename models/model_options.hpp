#pragma once

#include <map>
#include <string>
#include <vector>

namespace stfcube {

/// One option of a method, as `stfcube models NAME`, `--help`, `init` and the docs show it.
struct OptionSpec {
  std::string name;           ///< without the method ("window")
  std::string default_value;
  std::string help;           ///< what it is, with unit; the known words of a choice
};

/// Option values of one method: defaults overlaid with what the job gives. Checks on reading.
class ModelOptions {
 public:
  /// @param given values by full name ("starfm.window"); names of other methods are ignored
  /// @throws Error(config) when `given` names an option of this method that does not exist (with the nearest known one)
  ModelOptions(std::string method, std::vector<OptionSpec> const& specs, std::map<std::string, std::string> const& given);

  /// @throws Error(config) with the key, the value and what is allowed
  int integer(std::string const& name, int lowest, int highest) const;
  double number(std::string const& name, double lowest, double highest) const;
  std::string choice(std::string const& name, std::vector<std::string> const& allowed) const;
  bool flag(std::string const& name) const;  ///< true|false|on|off|yes|no|1|0
  std::string const& text(std::string const& name) const;
  /// Words between blanks; may be empty.
  std::vector<std::string> words(std::string const& name) const;

 private:
  std::string key(std::string const& name) const { return method_ + "." + name; }
  std::string assignment(std::string const& name) const;

  std::string method_;
  std::map<std::string, std::string> values_;
};

}  // namespace stfcube
