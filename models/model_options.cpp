#include "stfcube/models/model_options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {

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
      throw Error(ErrorKind::config, fmt::format("{} is not an option of {}.{} 'stfcube models {}' lists them.", full_name,
                                                 method_, near ? " Did you mean " + *near + "?" : "", method_));
    }
    found->second = value;
  }
}

std::string const& ModelOptions::text(std::string const& name) const {
  auto const found = values_.find(name);
  ensure(found != values_.end(), "a method reads only options that it declares");
  return found->second;
}

int ModelOptions::integer(std::string const& name, int lowest, int highest) const {
  auto const value = parse_integer(text(name));
  require(value && *value >= lowest && *value <= highest, ErrorKind::config,
          fmt::format("{} = {} (must be a whole number from {} to {}).", key(name), text(name), lowest, highest));
  return static_cast<int>(*value);
}

double ModelOptions::number(std::string const& name, double lowest, double highest) const {
  auto const value = parse_double(text(name));
  require(value && *value >= lowest && *value <= highest, ErrorKind::config,
          fmt::format("{} = {} (must be a number from {:g} to {:g}).", key(name), text(name), lowest, highest));
  return *value;
}

std::string ModelOptions::choice(std::string const& name, std::vector<std::string> const& allowed) const {
  require(std::ranges::find(allowed, text(name)) != allowed.end(), ErrorKind::config,
          fmt::format("{} = {} is not known. Use one of: {}.", key(name), text(name), fmt::join(allowed, ", ")));
  return text(name);
}

bool ModelOptions::flag(std::string const& name) const {
  std::string const& value = text(name);
  if (value == "true" || value == "on" || value == "yes" || value == "1") return true;
  if (value == "false" || value == "off" || value == "no" || value == "0") return false;
  throw Error(ErrorKind::config, fmt::format("{} = {} (must be true or false).", key(name), value));
}

std::vector<std::string> ModelOptions::words(std::string const& name) const { return split_words(text(name)); }

}  // namespace stfcube
