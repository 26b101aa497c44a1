#include "stfcube/jobs/job_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "stfcube/jobs/job_keys.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

namespace po = boost::program_options;

std::string key_of_line(std::string_view line) { return std::string(trim(line.substr(0, line.find('=')))); }

/// The line of the file on which `key` (section.name) is set, for messages; 0 when it cannot be told.
int line_of(std::string const& text, std::string const& key) {
  std::istringstream lines(text);
  std::string section;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    auto const content = trim(std::string_view(line).substr(0, line.find('#')));
    if (content.starts_with('[') && content.ends_with(']')) section = std::string(content.substr(1, content.size() - 2));
    if (section + "." + key_of_line(content) == key) return number;
  }
  return 0;
}

std::string expand_environment(std::string const& value, std::string const& key) {
  std::string expanded;
  for (std::size_t at = 0; at < value.size();) {
    std::size_t const begin = value.find("${", at);
    std::size_t const end = begin == std::string::npos ? begin : value.find('}', begin);
    if (end == std::string::npos) return expanded + value.substr(at);
    std::string const name = value.substr(begin + 2, end - begin - 2);
    char const* replacement = std::getenv(name.c_str());
    require(replacement != nullptr, ErrorKind::config,
            fmt::format("{} = {}: the environment variable {} is not set. Export it, or write the value itself.", key, value,
                        name));
    expanded += value.substr(at, begin - at) + replacement;
    at = end + 1;
  }
  return expanded;
}

std::string read_text(std::filesystem::path const& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  require(file.good() && std::filesystem::is_regular_file(path), ErrorKind::config,
          fmt::format("job file {} cannot be read. 'stfcube init > job.cfg' makes one to start from.", path.string()));
  return text.str();
}

po::parsed_options parse_ini(std::string const& text, std::string const& name) {
  po::options_description const none;
  std::istringstream stream(text);
  try {
    return po::parse_config_file(stream, none, true);
  } catch (po::error const& error) {
    throw Error(ErrorKind::config, fmt::format("{}: {}. Write [section] lines and key = value lines.", name, error.what()));
  }
}

}  // namespace

KeyValues read_job_file(std::filesystem::path const& path) {
  std::string const text = read_text(path);
  KeyValues values;
  for (po::option const& option : parse_ini(text, path.string()).options) {
    std::string const place = fmt::format("{}, line {}", path.string(), line_of(text, option.string_key));
    JobKey const* key = find_job_key(option.string_key);
    require(key != nullptr, ErrorKind::config, fmt::format("{}: {}", place, unknown_key_message(option.string_key)));
    std::string const value(trim(option.value.empty() ? "" : option.value.front()));
    if (value.empty()) continue;  // "key =" is the same as leaving it out
    auto& list = values[key->name];
    require(list.empty() || key->repeatable, ErrorKind::config,
            fmt::format("{}: {} stands twice but holds one value. Keep one of the lines.", place, key->name));
    list.push_back(expand_environment(value, key->name));
  }
  return values;
}

std::string job_file_template() {
  std::string text =
      "# A job of stfcube. Relative paths are relative to this file. Lines that start with '#' show a default\n"
      "# or an example; take the '#' away to change them.\n";
  std::string section;
  for (JobKey const& key : job_keys()) {
    if (key.section() != section) text += fmt::format("\n[{}]\n", section = key.section());
    bool const active = key.default_value.empty() && !key.example.empty();
    text += fmt::format("# {}\n{}{} = {}\n", key.help, active ? "" : "# ", key.name_in_section(),
                        active ? key.example : key.default_value);
  }
  return text;
}

std::string canonical_job(KeyValues const& values) {
  auto const named = values.find("model.name");
  std::string const method = named == values.end() ? find_job_key("model.name")->default_value : named->second.front();
  std::string text;
  for (JobKey const& key : job_keys()) {
    // Options of other methods decide nothing; without them a new method does not change the digest of old jobs.
    if (key.name_in_section() == key.name && !key.name.starts_with(method + ".")) continue;
    auto const found = values.find(key.name);
    if (found != values.end()) {
      for (std::string const& value : found->second) text += key.name + " = " + value + "\n";
    } else if (!key.default_value.empty()) {
      text += key.name + " = " + key.default_value + "\n";
    }
  }
  return text;
}

std::string deciding_lines(std::string const& canonical) {
  std::string text;
  for (std::string const& line : split(canonical, '\n')) {
    JobKey const* key = find_job_key(key_of_line(line));
    if (key && key->decides_result) text += line + "\n";
  }
  return text;
}

std::vector<std::string> differing_keys(std::string const& one, std::string const& other) {
  auto const lines = [](std::string const& text) {
    auto const pieces = split(text, '\n');
    return std::set<std::string>(pieces.begin(), pieces.end());
  };
  std::set<std::string> const a = lines(one);
  std::set<std::string> const b = lines(other);
  std::vector<std::string> differing;
  std::ranges::set_symmetric_difference(a, b, std::back_inserter(differing));
  std::set<std::string> keys;
  for (std::string const& line : differing) keys.insert(key_of_line(line));
  return {keys.begin(), keys.end()};
}

}  // namespace stfcube
