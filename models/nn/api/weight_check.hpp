#pragma once

#include <map>
#include <string>

#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/nn/weights/named_arrays.hpp"

namespace stfcube::nn {

/// Whether these weights fill this network: all names, all shapes.
/// @param options "NAME.OPTION" -> value
/// @throws Error(data) with what is missing, unexpected or of another shape, and with the number of bands or
/// the one other
///         option with which they would fit; Error(config) as describe_network
void check_weights(std::string const& network, NetworkShape const& shape,
                   std::map<std::string, std::string> const& options, NamedArrays const& arrays);

}  // namespace stfcube::nn
