#include "stfcube/models/nn/layers/conv_lstm.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {

using torch::Tensor;

ConvLstmCellImpl::ConvLstmCellImpl(int in, int channels, bool peepholes) : channels_(channels) {
  gates_ = register_module("gates", convolution(in + channels, 4 * channels, 3, Padding::replicate));
  torch::NoGradGuard const fixed;
  gates_->bias.slice(0, channels, 2 * channels).fill_(1);
  if (!peepholes) return;
  to_input_ = register_parameter("to_input", torch::zeros({channels, 1, 1}));
  to_forget_ = register_parameter("to_forget", torch::zeros({channels, 1, 1}));
  to_output_ = register_parameter("to_output", torch::zeros({channels, 1, 1}));
}

ConvLstmCellImpl::State ConvLstmCellImpl::start(Tensor const& input) const {
  Tensor const zeros =
      torch::zeros({input.size(0), channels_, input.size(2), input.size(3)}, input.options());
  return {zeros, zeros};
}

ConvLstmCellImpl::State ConvLstmCellImpl::forward(Tensor const& input, State const& state) {
  auto const parts = gates_->forward(torch::cat({input, state.hidden}, 1)).chunk(4, 1);
  auto const peeking = [](Tensor const& gate, Tensor const& weight, Tensor const& memory) {
    return weight.defined() ? gate + weight * memory : gate;
  };
  Tensor const take = peeking(parts[0], to_input_, state.memory).sigmoid();
  Tensor const keep = peeking(parts[1], to_forget_, state.memory).sigmoid();
  Tensor const memory = keep * state.memory + take * parts[3].tanh();
  return {peeking(parts[2], to_output_, memory).sigmoid() * memory.tanh(), memory};
}

}  // namespace stfcube::nn
