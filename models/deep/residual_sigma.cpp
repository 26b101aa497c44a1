#include "stfcube/models/deep/residual_sigma.hpp"

#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {

std::vector<double> residual_sigma(nn::ModelCard const& card, std::vector<std::string> const& bands,
                                   Quantity const& quantity) {
  auto const words = split_words(card.metrics);
  std::vector<double> sigma;
  for (auto const& band : bands) {
    std::string const start = "rmse." + band + "=";
    double value = 0;
    for (auto const& word : words) {
      if (word.starts_with(start)) value = parse_double(word.substr(start.size())).value_or(0);
    }
    sigma.push_back(value > 0 ? value / quantity.step : 0);
  }
  return sigma;
}

}  // namespace stfcube
