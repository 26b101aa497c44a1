#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/nn/network.hpp"

namespace stfcube::nn {

/// One network, as a line of the registry.
struct NetworkEntry {
  std::string summary;  ///< one line
  Evidence evidence = Evidence::reading;
  std::vector<OptionSpec> options;
  std::function<std::shared_ptr<Network>(NetworkShape const&, ModelOptions const&)> make;
  bool samples = false;  ///< see NetworkDescription
};

/// All networks by name. One line per network in network_registry.cpp.
std::map<std::string, NetworkEntry> const& network_registry();

/// A network with the parameters that its initialisation draws.
/// @param options "NAME.OPTION" -> value; of other networks are ignored
/// @throws Error(config) when there is no such network (naming those that exist) or an option is wrong
std::shared_ptr<Network> make_network(std::string const& name, NetworkShape const& shape,
                                      std::map<std::string, std::string> const& options);

}  // namespace stfcube::nn
