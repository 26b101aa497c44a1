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

std::string_view without_comment(std::string_view line) { return trim(line.substr(0, line.find('#'))); }

/// One "key = value" line of a job file.
struct JobLine {
  int number = 0;
  std::string key;  ///< section.name, as written
  std::string value;
};

std::vector<JobLine> job_lines(std::string const& text) {
  std::istringstream lines(text);
  std::vector<JobLine> found;
  std::string section;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    auto const content = without_comment(line);
    if (content.starts_with('[') && content.ends_with(']')) section = std::string(content.substr(1, content.size() - 2));
    auto const equals = content.find('=');
    if (equals == std::string_view::npos) continue;
    found.push_back({number, section + "." + key_of_line(content), std::string(trim(content.substr(equals + 1)))});
  }
  return found;
}

bool is_method_option(std::string const& name) {
  JobKey const* key = find_job_key(name);
  return key && key->name_in_section() == key->name;
}

/// The numbers of the lines that set `key` (as written in the file), for messages.
std::vector<int> lines_of(std::string const& text, std::string const& key) {
  std::vector<int> numbers;
  for (JobLine const& line : job_lines(text)) {
    JobKey const* known = find_job_key(line.key);
    if (line.key == key || (known && known == find_job_key(key))) numbers.push_back(line.number);
  }
  return numbers;
}

/// The number of the first line that is `content`; 0 when there is none.
int line_with(std::string const& text, std::string_view content) {
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (without_comment(line) == content) return number;
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
  std::error_code ignored;
  char const* const reason = !std::filesystem::exists(path, ignored)        ? "does not exist"
                             : std::filesystem::is_directory(path, ignored) ? "is a folder"
                                                                            : "cannot be read";
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  require(file.good() && !std::filesystem::is_directory(path, ignored), ErrorKind::config,
          fmt::format("job file {} {}. Check the path and the permissions; 'stfcube init > job.cfg' makes one to start from.",
                      path.string(), reason));
  return text.str();
}

po::parsed_options parse_ini(std::string const& text, std::string const& name) {
  po::options_description const none;
  std::istringstream stream(text);
  try {
    return po::parse_config_file(stream, none, true);
  } catch (po::invalid_config_file_syntax const& error) {
    throw Error(ErrorKind::config, fmt::format("{}, line {}: '{}' is neither [section] nor key = value. Correct the line, or "
                                               "begin it with # to make it a comment.",
                                               name, line_with(text, error.tokens()), error.tokens().substr(0, 80)));
  } catch (po::error const& error) {
    throw Error(ErrorKind::config, fmt::format("{}: {}. Write [section] lines and key = value lines.", name, error.what()));
  }
}

}  // namespace

KeyValues read_job_file(std::filesystem::path const& path) {
  std::string const text = read_text(path);
  KeyValues values;
  for (po::option const& option : parse_ini(text, path.string()).options) {
    auto const lines = lines_of(text, option.string_key);
    std::string const place = fmt::format("{}, line {}", path.string(), lines.empty() ? 0 : lines.front());
    JobKey const* key = find_job_key(option.string_key);
    require(key != nullptr, ErrorKind::config, fmt::format("{}: {}", place, unknown_key_message(option.string_key)));
    std::string const value(trim(option.value.empty() ? "" : option.value.front()));
    if (value.empty()) continue;  // "key =" is the same as leaving it out
    auto& list = values[key->name];
    require(list.empty() || key->repeatable, ErrorKind::config,
            fmt::format("{}, lines {}: {} stands more than once but holds one value. Keep one of the lines.", path.string(),
                        fmt::join(lines, " and "), key->name));
    list.push_back(expand_environment(value, key->name));
  }
  return values;
}

std::string place_in_job_file(std::filesystem::path const& path, std::string const& message) {
  JobKey const* key = find_job_key(message.substr(0, message.find_first_of(" :")));
  if (!key) return {};
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  std::vector<JobLine> lines = job_lines(text.str());
  std::erase_if(lines, [&](JobLine const& line) { return find_job_key(line.key) != key; });
  if (lines.size() > 1) {  // it is the one whose value the message tells
    std::erase_if(lines, [&](JobLine const& line) { return !message.starts_with(key->name + " = " + line.value + " "); });
  }
  return lines.size() == 1 ? fmt::format("{}, line {}", path.string(), lines.front().number) : path.string();
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
    if (is_method_option(key.name) && !key.name.starts_with(method + ".")) continue;
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
  // Another method has other options: naming the method is enough.
  if (keys.contains("model.name")) std::erase_if(keys, is_method_option);
  return {keys.begin(), keys.end()};
}

}  // namespace stfcube
