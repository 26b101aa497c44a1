#include "stfcube/models/nn/api/weight_check.hpp"

#include <array>

#include "stfcube/models/nn/network_registry.hpp"
#include "stfcube/models/nn/state_dict.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::nn {
namespace {

using Options = std::map<std::string, std::string>;

constexpr int most_bands = 16;
constexpr std::array usual_numbers{"1",  "2",  "3",  "4",  "6",  "8",   "12", "16",
                                   "24", "32", "48", "64", "96", "128", "256"};

bool fit(std::string const& network, NetworkShape const& shape, Options const& options,
         NamedArrays const& arrays) {
  try {
    return misfits(*make_network(network, shape, options), arrays).empty();
  } catch (Error const&) {
    return false;  // a value that this network does not allow
  }
}

/// Values that the option may have had instead.
std::vector<std::string> other_values(OptionSpec const& option) {
  if (option.default_value == "true" || option.default_value == "false") return {"true", "false"};
  if (!parse_integer(option.default_value)) return {};
  return {usual_numbers.begin(), usual_numbers.end()};
}

/// "They fit 4 bands." or nothing.
std::string what_would_fit(std::string const& network, NetworkShape const& shape, Options const& options,
                           NamedArrays const& arrays) {
  for (int bands = 1; bands <= most_bands; ++bands) {
    NetworkShape other = shape;
    other.bands = bands;
    if (fit(network, other, options, arrays)) {
      return " They fit " + std::to_string(bands) + (bands == 1 ? " band" : " bands") + "; " +
             std::to_string(shape.bands) + " were named.";
    }
  }
  for (OptionSpec const& option : network_registry().at(network).options) {
    std::string const name = network + "." + option.name;
    for (std::string const& value : other_values(option)) {
      Options other = options;
      other[name] = value;
      if (fit(network, shape, other, arrays)) return " They fit with " + name + " = " + value + ".";
    }
  }
  for (auto const& [other, entry] : network_registry()) {
    if (other != network && fit(other, shape, {}, arrays)) return " They fit the network " + other + ".";
  }
  return {};
}

}  // namespace

void check_weights(std::string const& network, NetworkShape const& shape, Options const& options,
                   NamedArrays const& arrays) {
  auto const lines = misfits(*make_network(network, shape, options), arrays);
  if (lines.empty()) return;
  throw Error(ErrorKind::data, "these are no weights of " + network + " with " + std::to_string(shape.bands) +
                                   " bands." + what_would_fit(network, shape, options, arrays) + "\n" +
                                   join_limited(lines));
}

}  // namespace stfcube::nn
