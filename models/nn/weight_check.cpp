#include "stfcube/models/nn/api/weight_check.hpp"

#include <algorithm>
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
  } catch (std::exception const&) {
    return false;  // a value that this network, or LibTorch, does not allow
  }
}

/// Values that the option may have had instead.
std::vector<std::string> other_values(OptionSpec const& option) {
  if (option.default_value == "true" || option.default_value == "false") return {"true", "false"};
  if (!parse_integer(option.default_value)) return {};
  return {usual_numbers.begin(), usual_numbers.end()};
}

/// " They fit 4 bands; 6 were named." or nothing.
std::string fitting_bands_or_option(std::string const& network, NetworkShape const& shape,
                                    Options const& options, NamedArrays const& arrays) {
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
  return {};
}

/// " They fit the network edcstfn." or nothing.
std::string fitting_network(NetworkShape const& shape, NamedArrays const& arrays) {
  for (auto const& [name, entry] : network_registry()) {
    if (fit(name, shape, {}, arrays)) return " They fit the network " + name + ".";
  }
  return {};
}

/// Whether most names are the network's: then it is the right one in another shape.
bool has_names_of(Network const& network, NamedArrays const& arrays) {
  auto const expected = state_dict_of(network);
  auto const known =
      std::ranges::count_if(arrays, [&](auto const& item) { return expected.contains(item.first); });
  return 2 * static_cast<std::size_t>(known) > arrays.size();
}

}  // namespace

void check_weights(std::string const& network, NetworkShape const& shape, Options const& options,
                   NamedArrays const& arrays) {
  auto const wanted = make_network(network, shape, options);
  auto const lines = misfits(*wanted, arrays);
  if (lines.empty()) return;
  std::string const hint = has_names_of(*wanted, arrays)
                               ? fitting_bands_or_option(network, shape, options, arrays)
                               : fitting_network(shape, arrays);
  throw Error(ErrorKind::data, "these are no weights of " + network + " with " + std::to_string(shape.bands) +
                                   " bands." + hint + "\n" + join_limited(lines));
}

}  // namespace stfcube::nn
