#pragma once

#include <string>
#include <vector>

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// LSTM over series with gaps: a step that is not valid leaves the state as it is, as if it were not there.
/// Names, shapes and order of parameters are those of torch::nn::LSTM, and so is the result where all steps
/// are valid.
class MaskedLstmImpl : public torch::nn::Module {
 public:
  /// Two directions; their states are concatenated and are the input of the next layer.
  MaskedLstmImpl(int in, int hidden, int layers);

  /// @param series [T, M, in]
  /// @param valid [T, M, 1], bool
  /// @return [T, M, 2 * hidden]: the state after each step; of the last layer
  torch::Tensor forward(torch::Tensor const& series, torch::Tensor const& valid);

 private:
  struct Direction {
    torch::Tensor input_weight, state_weight, input_bias, state_bias;
  };
  Direction direction(int in, std::string const& suffix);
  torch::Tensor states(Direction const& weights, torch::Tensor const& series, torch::Tensor const& valid,
                       bool backwards) const;

  int hidden_;
  std::vector<Direction> forwards_, backwards_;
};
TORCH_MODULE(MaskedLstm);

}  // namespace stfcube::nn
