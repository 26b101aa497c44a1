#pragma once

#include <map>
#include <optional>
#include <string>

#include "stfcube/models/nn/api/model_card.hpp"

namespace stfcube::nn {

/// A card as the "__metadata__" of a safetensors file holds it: texts by name, each beginning with
/// "stfcube.".
std::map<std::string, std::string> metadata_of(ModelCard const& card);

/// The card in such texts; those of others are left out. Nothing when there is none.
/// @throws Error(data) when it lacks the network or bands, or an entry cannot be read
std::optional<ModelCard> card_of(std::map<std::string, std::string> const& metadata);

}  // namespace stfcube::nn
