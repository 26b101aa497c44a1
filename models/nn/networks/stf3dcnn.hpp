#pragma once

#include <vector>

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct Stf3dcnnOptions {
  int bands = 6;
  int width = 32;
  int layers = 6;
  bool spectral = false;      ///< bands are the third axis and each step of time is by itself; false: time is
                              ///< the third axis and bands are channels
  bool mask_channel = false;  ///< one channel more: whether both coarse images of a step were observed
};

/// Three-dimensional network on series of differences (Peng et al. 2020, Remote Sensing 12(23), 3888): coarse
/// changes between consecutive dates give fine changes; the fine image of a date follows from the observed
/// ones before and after it and the changes between, of which the nearer in coarse reflectance counts more.
/// Each pixel has its own observed dates.
class Stf3dcnn : public Network {
 public:
  explicit Stf3dcnn(Stf3dcnnOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  /// Fine images of all dates [N, T, B, H, W]: the observed ones as they are; the coarse image where no fine
  /// one was ever observed. Reads the coarse and fine series and their masks.
  torch::Tensor predict(NetworkInput const& input) override;

  /// @param changes coarse differences of consecutive dates [N, T - 1, B, H, W]
  /// @param observed [N, T - 1, 1, H, W]; read with mask_channel only
  /// @return fine differences [N, T - 1, B, H, W]
  torch::Tensor forward(torch::Tensor const& changes, torch::Tensor const& observed);

 private:
  Stf3dcnnOptions options_;
  NetworkInfo info_;
  torch::nn::Sequential layers_{nullptr};
};

NetworkEntry stf3dcnn_entry();

}  // namespace stfcube::nn
