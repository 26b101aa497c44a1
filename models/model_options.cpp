#include "stfcube/models/model_options.hpp"

#include <algorithm>
#include <cstdio>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string joined(std::vector<std::string> const& words) {
  std::string text;
  for (auto const& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

ModelOptions::ModelOptions(std::string method, std::vector<OptionSpec> const& specs,
                           std::map<std::string, std::string> const& given)
    : method_(std::move(method)) {
  std::vector<std::string> known;
  for (OptionSpec const& spec : specs) {
    values_[spec.name] = spec.default_value;
    known.push_back(key(spec.name));
  }
  for (auto const& [full_name, value] : given) {
    if (!full_name.starts_with(method_ + ".")) continue;
    auto const found = values_.find(full_name.substr(method_.size() + 1));
    if (found == values_.end()) {
      auto const near = nearest_word(full_name, known);
      throw Error(ErrorKind::config, full_name + " is not an option of " + method_ + "." +
                                         (near ? " Did you mean " + *near + "?" : "") + " 'stfcube models " +
                                         method_ + "' lists them.");
    }
    found->second = value;
  }
}

std::string ModelOptions::assignment(std::string const& name) const {
  return key(name) + " = " + text(name);
}

std::string const& ModelOptions::text(std::string const& name) const {
  auto const found = values_.find(name);
  ensure(found != values_.end(), "a method reads only options that it declares");
  return found->second;
}

int ModelOptions::integer(std::string const& name, int lowest, int highest) const {
  auto const value = parse_integer(text(name));
  require(value && *value >= lowest && *value <= highest, ErrorKind::config,
          assignment(name) + " (must be a whole number from " + std::to_string(lowest) + " to " +
              std::to_string(highest) + ").");
  return static_cast<int>(*value);
}

double ModelOptions::number(std::string const& name, double lowest, double highest) const {
  auto const value = parse_double(text(name));
  require(value && *value >= lowest && *value <= highest, ErrorKind::config,
          assignment(name) + " (must be a number from " + short_number(lowest) + " to " +
              short_number(highest) + ").");
  return *value;
}

std::string ModelOptions::choice(std::string const& name, std::vector<std::string> const& allowed) const {
  require(std::ranges::find(allowed, text(name)) != allowed.end(), ErrorKind::config,
          assignment(name) + " is not known. Use one of: " + joined(allowed) + ".");
  return text(name);
}

bool ModelOptions::flag(std::string const& name) const {
  std::string const& value = text(name);
  if (value == "true" || value == "on" || value == "yes" || value == "1") return true;
  if (value == "false" || value == "off" || value == "no" || value == "0") return false;
  throw Error(ErrorKind::config, assignment(name) + " (must be true or false).");
}

std::vector<std::string> ModelOptions::words(std::string const& name) const {
  return split_words(text(name));
}

}  // namespace stfcube
