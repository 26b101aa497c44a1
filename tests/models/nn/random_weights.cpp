#include "stfcube/tests/models/nn/random_weights.hpp"

#include <cmath>

#include "stfcube/models/nn/network_registry.hpp"
#include "stfcube/models/nn/weights/weight_file.hpp"

namespace stfcube::testing {
namespace {

nn::NamedArray array_of(torch::Tensor const& tensor) {
  auto const values = tensor.detach().contiguous().to(torch::kFloat32);
  return {tensor.sizes().vec(), {values.data_ptr<float>(), values.data_ptr<float>() + values.numel()}};
}

}  // namespace

void write_random_weights(std::filesystem::path const& path, RandomNetwork const& network,
                          std::uint64_t seed) {
  torch::NoGradGuard const fixed;
  torch::manual_seed(seed);
  std::map<std::string, std::string> options;
  for (auto const& [name, value] : network.options) options[network.network + "." + name] = value;
  int const ratio = std::stoi(network.ratio);
  auto const built =
      nn::make_network(network.network, {static_cast<int>(network.bands.size()), ratio}, options);
  nn::NamedArrays arrays;
  for (auto& item : built->named_parameters()) {
    torch::Tensor& values = item.value();
    double const inputs =
        values.dim() < 2 ? 100 : static_cast<double>(values.numel()) / static_cast<double>(values.size(0));
    if (values.dim() >= 2 || values.abs().max().item<float>() == 0)
      values.uniform_(-1, 1).mul_(1 / std::sqrt(inputs));
    arrays[item.key()] = array_of(values);
  }
  for (auto& item : built->named_buffers()) arrays[item.key()] = array_of(item.value());
  nn::ModelCard card;
  card.network = network.network;
  card.options = network.options;
  card.bands = network.bands;
  card.ratio = network.ratio;
  card.scaling = built->info().scaling;
  nn::write_weight_file(path, arrays, card);
}

}  // namespace stfcube::testing
