#pragma once

#include "stfcube/models/nn/layers/conv_lstm.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct ConvlstmOptions {
  int bands = 6;
  int hidden = 32;           ///< channels of the states and of the first layer
  int dates = 16;            ///< the longest series; decides the radius
  bool residual = true;      ///< predicts the difference to the coarse image; begins at none
  bool peepholes = false;    ///< the gates see the memory
  bool coarse_mask = false;  ///< reads where the coarse images were observed; without it they count as
                             ///< observed everywhere
};

/// Bidirectional convolutional LSTM over the dates of both sensors; gives all dates. A reading: the survey's
/// method (Cui et al. 2024) predicts another quantity and leaves its sizes open.
class Convlstm : public Network {
 public:
  explicit Convlstm(ConvlstmOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  /// @throws Error(config) when the series is longer than the option `dates`
  torch::Tensor predict(NetworkInput const& input) override;

 private:
  std::vector<torch::Tensor> embedded(NetworkInput const& input);

  ConvlstmOptions options_;
  NetworkInfo info_;
  torch::nn::Sequential embed_{nullptr}, head_{nullptr};
  ConvLstmCell forwards_{nullptr}, backwards_{nullptr};
};

NetworkEntry convlstm_entry();

}  // namespace stfcube::nn
