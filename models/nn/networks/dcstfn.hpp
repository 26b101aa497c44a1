#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct DcstfnOptions {
  int bands = 6;
  int width = 32;        ///< channels of the first layer; the next ones have two and four times as many
  int cell = 16;         ///< side of a pixel of the network's coarse images in fine pixels: 4, 8, 16, ..
  bool by_band = false;  ///< one network of a single band for all bands
};

/// Deep convolutional spatiotemporal fusion network (Tan, Yue, Di, Tang 2018, Remote Sensing 10(7), 1066):
/// D(E(F_r) - G(C_r) + G(C_t)), where G enlarges the coarse images from their own grid. Layers, padding and
/// initialisation are those of the published code.
class Dcstfn : public Network {
 public:
  explicit Dcstfn(DcstfnOptions const& options);

  NetworkInfo const& info() const override { return info_; }

  /// Coarse images on the fine grid, as for all networks: blocks of cell x cell pixels, counted from the
  /// upper left corner, are averaged first.
  torch::Tensor predict(NetworkInput const& input) override;

  /// Coarse images on their own grid, [N, B, h, w]; the fine image [N, B, h cell, w cell], reflectance.
  torch::Tensor forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                        torch::Tensor const& coarse_target);

 private:
  DcstfnOptions options_;
  NetworkInfo info_;
  Chain fine_features_{nullptr}, coarse_features_{nullptr}, decoder_{nullptr};
};

NetworkEntry dcstfn_entry();

}  // namespace stfcube::nn
