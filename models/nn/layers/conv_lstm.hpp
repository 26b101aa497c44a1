#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// One step of a convolutional LSTM with kernels of 3x3 (Shi et al. 2015): gates i, f, o, g of one
/// convolution over the input and the state. The forget gates begin open.
class ConvLstmCellImpl : public torch::nn::Module {
 public:
  struct State {
    torch::Tensor hidden, memory;  ///< [N, channels, H, W]
  };

  /// @param peepholes the gates see the memory as well, by one weight per channel
  ConvLstmCellImpl(int in, int channels, bool peepholes);

  State start(torch::Tensor const& input) const;  ///< zeros of the input's size
  State forward(torch::Tensor const& input, State const& state);

 private:
  int channels_;
  torch::nn::Conv2d gates_{nullptr};
  torch::Tensor to_input_, to_forget_, to_output_;  ///< [channels, 1, 1]; undefined without peepholes
};
TORCH_MODULE(ConvLstmCell);

}  // namespace stfcube::nn
