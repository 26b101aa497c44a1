#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stfcube/models/model_options.hpp"
#include "stfcube/models/nn/api/network_info.hpp"

namespace stfcube::nn {

/// What decides a network's shape beside its own options.
struct NetworkShape {
  int bands = 6;
  int ratio = 16;  ///< coarse pixel / fine pixel; few networks look at it
};

/// One network, as `stfcube models` shows it.
struct NetworkDescription {
  std::string name;
  std::string summary;  ///< one line
  Evidence evidence = Evidence::reading;
  std::vector<OptionSpec> options;  ///< of its structure: they decide which weights fit
  bool samples = false;             ///< begins with noise, and reaches the image in steps
};

/// The name under which TorchScript modules run: networks that come with their weights (docs/weights.md).
inline constexpr char const* torchscript_name = "torchscript";

/// All networks by name; empty where stfcube was built without LibTorch.
std::vector<NetworkDescription> network_list();

/// Facts about the network with these options ("NAME.OPTION" -> value).
/// @throws Error(config) when there is no such network or an option is wrong
NetworkInfo describe_network(std::string const& name, NetworkShape const& shape,
                             std::map<std::string, std::string> const& options);

/// Number of trainable parameters of the network with these options. @throws as describe_network
std::int64_t count_parameters(std::string const& name, NetworkShape const& shape,
                              std::map<std::string, std::string> const& options);

}  // namespace stfcube::nn
