#include "stfcube/jobs/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "stfcube/jobs/job_keys.hpp"
#include "stfcube/jobs/model_weights.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

po::options_description described(CommandSyntax const& syntax) {
  po::options_description options;
  options.add_options()("help,h", "this text")("positional", po::value<Words>());
  for (CommandOption const& option : syntax.options) {
    if (option.value.empty()) {
      options.add_options()(option.name.c_str(), option.help.c_str());
    } else {
      auto* value = po::value<Words>();
      if (option.many) value->multitoken();
      options.add_options()(option.name.c_str(), value, option.help.c_str());
    }
  }
  if (!syntax.job_keys) return options;
  for (JobKey const& key : job_keys()) {
    options.add_options()(key.name.c_str(), po::value<Words>(), key.help.c_str());
  }
  return options;
}

/// "--strafm.window" -> "--starfm.window", among the options of this command.
std::string unknown_option(CommandSyntax const& syntax, std::string name) {
  name.erase(0, name.find_first_not_of('-'));
  name = name.substr(0, name.find('='));
  if (syntax.job_keys && name.find('.') != std::string::npos) return unknown_key_message(name);
  Words known;
  for (CommandOption const& option : syntax.options) known.push_back(option.name);
  auto const near = nearest_word(name, known);
  return fmt::format("--{} is not an option of 'stfcube {}'.{} 'stfcube {} --help' lists them.", name, syntax.name,
                     near ? " Did you mean --" + *near + "?" : "", syntax.name);
}

po::variables_map parse(CommandSyntax const& syntax, Words words) {
  // Options of a method may also be written with the section they stand in.
  for (std::string& word : words) {
    if (word.starts_with("--model.") && std::ranges::count(word.substr(0, word.find('=')), '.') == 2) word.erase(2, 6);
  }
  po::options_description const options = described(syntax);
  po::positional_options_description positional;
  positional.add("positional", -1);
  using style = po::command_line_style::style_t;
  po::variables_map values;
  try {
    po::store(po::command_line_parser(words)
                  .options(options)
                  .positional(positional)
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              values);
  } catch (po::unknown_option const& error) {
    throw Error(ErrorKind::config, unknown_option(syntax, error.get_option_name()));
  } catch (po::error const& error) {
    throw Error(ErrorKind::config,
                fmt::format("{}. 'stfcube {} --help' shows how it is called.", error.what(), syntax.name));
  }
  return values;
}

}  // namespace

CommandArguments::CommandArguments(CommandSyntax const& syntax, Words const& words) : syntax_(syntax) {
  po::variables_map const values = parse(syntax, words);
  help_ = values.contains("help");
  for (auto const& [name, value] : values) {
    if (name == "help") continue;
    auto const* given = boost::any_cast<Words>(&value.value());  // a switch has no words
    Words const list = given ? *given : Words{};
    if (name == "positional") {
      require(!syntax.positional.empty() && list.size() == 1, ErrorKind::config,
              fmt::format("'{}' is one word too many for 'stfcube {}'. Options begin with --; 'stfcube {} --help' lists them.",
                          list.back(), syntax.name, syntax.name));
      positional_ = list.front();
      continue;
    }
    JobKey const* key = syntax.job_keys ? find_job_key(name) : nullptr;
    auto const option = std::ranges::find(syntax.options, name, &CommandOption::name);
    bool const repeatable = key ? key->repeatable : option->repeatable || option->many;
    require(repeatable || list.size() <= 1, ErrorKind::config, fmt::format("--{} is given twice but holds one value. Keep one of them.", name));
    (key ? keys_ : options_)[name] = list;
  }
}

std::string CommandArguments::text(std::string const& name) const {
  auto const found = options_.find(name);
  if (found != options_.end()) return found->second.front();
  return std::ranges::find(syntax_.options, name, &CommandOption::name)->default_value;
}

Words CommandArguments::list(std::string const& name) const {
  auto const found = options_.find(name);
  return found == options_.end() ? Words{} : found->second;
}

int CommandArguments::integer(std::string const& name, int lowest, int highest) const {
  auto const value = parse_integer(text(name));
  require(value && *value >= lowest && *value <= highest, ErrorKind::config,
          fmt::format("--{} {} (must be a whole number from {} to {}).", name, text(name), lowest, highest));
  return static_cast<int>(*value);
}

double CommandArguments::number(std::string const& name, double lowest, double highest) const {
  auto const value = parse_double(text(name));
  require(value && *value >= lowest && *value <= highest, ErrorKind::config,
          fmt::format("--{} {} (must be a number from {:g} to {:g}).", name, text(name), lowest, highest));
  return *value;
}

std::string CommandArguments::positional() const {
  require(!positional_.empty(), ErrorKind::config,
          fmt::format("'stfcube {}' needs {}. Write: stfcube {} {}", syntax_.name, syntax_.positional, syntax_.name,
                      syntax_.positional));
  return positional_;
}

std::string CommandArguments::deciding_command() const {
  std::string text = fmt::format("stfcube {} {}", syntax_.name, std::filesystem::path(positional_).filename().string());
  for (auto const& [name, values] : keys_) {
    if (!find_job_key(name)->decides_result) continue;
    for (std::string const& value : values) text += fmt::format(" --{} {}", name, value);
  }
  return text;
}

JobSpec CommandArguments::job() const {
  std::filesystem::path const path = positional();
  KeyValues values = read_job_file(path);
  for (auto const& [name, list] : keys_) values[name] = list;
  std::filesystem::path const folder = path.has_parent_path() ? path.parent_path() : ".";
  return make_job_spec(with_weights(std::move(values), folder), folder);
}

Error CommandArguments::located(Error const& error) const {
  std::string const message = error.what();
  bool const as_option = keys_.contains(message.substr(0, message.find_first_of(" :")));
  if (!syntax_.job_keys || positional_.empty() || as_option) return error;
  std::string const place = place_in_job_file(positional_, message);
  return place.empty() ? error : error.with(place);
}

std::string help_text(CommandSyntax const& syntax) {
  std::string text = fmt::format("Usage: stfcube {}{}{}\n\n{}\n", syntax.name,
                                 syntax.positional.empty() ? "" : " " + syntax.positional,
                                 syntax.options.empty() && !syntax.job_keys ? "" : " [--option value ...]", syntax.summary);
  if (!syntax.options.empty()) text += "\nOptions:\n";
  for (CommandOption const& option : syntax.options) {
    text += fmt::format("  {:<26} {}{}\n", "--" + option.name + (option.value.empty() ? "" : " " + option.value), option.help,
                        option.default_value.empty() ? "" : fmt::format(" (default {})", option.default_value));
  }
  if (!syntax.job_keys) return text;
  text += "\nKeys of the job file, each also an option that wins over the file (paths are relative to the job file):\n";
  for (JobKey const& key : job_keys()) {
    text += fmt::format("  {:<26} {}{}\n", "--" + key.name, key.help,
                        key.default_value.empty() ? "" : fmt::format(" (default {})", key.default_value));
  }
  return text;
}

}  // namespace stfcube
