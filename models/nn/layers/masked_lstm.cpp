#include "stfcube/models/nn/layers/masked_lstm.hpp"

#include <cmath>

namespace stfcube::nn {

using torch::Tensor;

MaskedLstmImpl::MaskedLstmImpl(int in, int hidden, int layers) : hidden_(hidden) {
  for (int layer = 0; layer < layers; ++layer) {
    int const size = layer == 0 ? in : 2 * hidden;
    forwards_.push_back(direction(size, "_l" + std::to_string(layer)));
    backwards_.push_back(direction(size, "_l" + std::to_string(layer) + "_reverse"));
  }
}

MaskedLstmImpl::Direction MaskedLstmImpl::direction(int in, std::string const& suffix) {
  double const bound = 1 / std::sqrt(static_cast<double>(hidden_));
  auto const drawn = [&](std::string const& name, std::vector<std::int64_t> const& shape) {
    return register_parameter(name + suffix, torch::empty(shape).uniform_(-bound, bound));
  };
  Direction weights;
  weights.input_weight = drawn("weight_ih", {4 * hidden_, in});
  weights.state_weight = drawn("weight_hh", {4 * hidden_, hidden_});
  weights.input_bias = drawn("bias_ih", {4 * hidden_});
  weights.state_bias = drawn("bias_hh", {4 * hidden_});
  return weights;
}

Tensor MaskedLstmImpl::states(Direction const& weights, Tensor const& series, Tensor const& valid,
                              bool backwards) const {
  Tensor const driven = torch::linear(series, weights.input_weight, weights.input_bias + weights.state_bias);
  std::int64_t const steps = series.size(0);
  Tensor state = torch::zeros({series.size(1), hidden_}, series.options());
  Tensor memory = state;
  std::vector<Tensor> found(static_cast<std::size_t>(steps));
  for (std::int64_t i = 0; i < steps; ++i) {
    std::int64_t const step = backwards ? steps - 1 - i : i;
    auto const gates = (driven[step] + torch::linear(state, weights.state_weight)).chunk(4, -1);
    Tensor const next_memory = gates[1].sigmoid() * memory + gates[0].sigmoid() * gates[2].tanh();
    Tensor const next_state = gates[3].sigmoid() * next_memory.tanh();
    memory = torch::where(valid[step], next_memory, memory);
    state = torch::where(valid[step], next_state, state);
    found[static_cast<std::size_t>(step)] = state;
  }
  return torch::stack(found);
}

Tensor MaskedLstmImpl::forward(Tensor const& series, Tensor const& valid) {
  Tensor layer = series;
  for (std::size_t i = 0; i < forwards_.size(); ++i) {
    layer = torch::cat({states(forwards_[i], layer, valid, false), states(backwards_[i], layer, valid, true)},
                       -1);
  }
  return layer;
}

}  // namespace stfcube::nn
