#pragma once

#include <string>
#include <vector>

#include "stfcube/models/nn/api/model_card.hpp"
#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {

/// What a model card's metrics say about the error of each band on data that the network was not trained on,
/// in DN: its words "rmse.BAND=VALUE", in the quantity of the cube. 0 for a band of which they say nothing.
std::vector<double> residual_sigma(nn::ModelCard const& card, std::vector<std::string> const& bands,
                                   Quantity const& quantity);

}  // namespace stfcube
