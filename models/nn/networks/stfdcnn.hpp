#pragma once

#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

enum class StfdcnnInjection {
  additive,    ///< the fine image plus the change between the transition images
  modulation,  ///< the fine image's details, scaled by the ratio of the transition images
};

struct StfdcnnOptions {
  int bands = 6;
  int reduction = 4;      ///< the first stage works on a grid so many times coarser than the fine one
  bool per_band = false;  ///< bands go one by one through networks of one band
  StfdcnnInjection injection = StfdcnnInjection::additive;
};

/// Three convolutions whose result is added to their input.
class StfdcnnStageImpl : public torch::nn::Module {
 public:
  /// @param bands of the network; images of more bands go through it band by band when it is 1
  explicit StfdcnnStageImpl(int bands);
  torch::Tensor forward(torch::Tensor const& image);

 private:
  int bands_;
  torch::nn::Sequential layers_{nullptr};
};
TORCH_MODULE(StfdcnnStage);

/// Deep convolutional fusion in two stages (Song, Liu, Wang, Hang, Huang 2018, IEEE JSTARS 11): from the
/// coarse image to a reduced fine one, and from there to the fine one; each stage is followed by a fusion
/// with the two pairs.
class Stfdcnn : public Network {
 public:
  explicit Stfdcnn(StfdcnnOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;
  /// The fine image and the reduced one that the first stage gives; sides must be multiples of the reduction.
  std::vector<torch::Tensor> predict_all(NetworkInput const& input) override;

 private:
  StfdcnnOptions options_;
  NetworkInfo info_;
  StfdcnnStage mapping_{nullptr}, enlargement_{nullptr};
};

NetworkEntry stfdcnn_entry();

}  // namespace stfcube::nn
