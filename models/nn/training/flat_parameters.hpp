#pragma once

#include <cstdint>

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// The trainable parameters of a module in one piece of memory, and their gradients in another: the module's
/// tensors become views of them. One optimiser step, one norm and one sum over ranks then serve all. The
/// module must stay on its device, and must not be given other tensors, while this lives.
class FlatParameters {
 public:
  /// @param tail  numbers that ride behind the gradients when ranks add them up
  FlatParameters(torch::nn::Module& module, std::int64_t tail);

  torch::Tensor const& values() const { return values_; }  ///< [n], float32
  torch::Tensor gradients() const;                         ///< [n]
  torch::Tensor tail() const;                              ///< [tail]
  torch::Tensor const& gradients_and_tail() const { return gradients_; }

  /// Before a step: gradients and tail are zero, and the module adds to them.
  void clear_gradients();

 private:
  torch::Tensor values_, gradients_;
  std::int64_t count_ = 0;
};

}  // namespace stfcube::nn
