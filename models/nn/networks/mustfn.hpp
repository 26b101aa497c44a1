#pragma once

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

/// What weights the channels of all scales before they are joined.
enum class MustfnGate {
  scene,     ///< from their means over the whole scene, as published
  cell,      ///< from their means over cells of a lattice that is fixed on the target grid
  constant,  ///< factors of training
  none,
};

struct MustfnOptions {
  int bands = 6;
  int coarse_bands = 6;  ///< 7 in the publication
  int width = 33;        ///< a quarter of the channels at half resolution, an eighth of those at a quarter
  MustfnGate gate = MustfnGate::scene;
  int cell = 256;  ///< fine pixels, a multiple of 16: side of a cell of the gate
};

/// Multi-scene spatiotemporal fusion network (Qin et al. 2022, IJAEOG 115, 103113): two fine and three coarse
/// images with their masks, at three scales, in one pass. Its pooling has fixed windows, which at the
/// published patch of 256 pixels are those of the adaptive pooling.
class Mustfn : public Network {
 public:
  explicit Mustfn(MustfnOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// Masked images in reflectance, H and W multiples of 16: fine [N, 2B, H, W], coarse [N, 3C, H, W].
  torch::Tensor forward(torch::Tensor const& fine, torch::Tensor const& coarse);

 private:
  torch::Tensor pooled_scales(torch::Tensor const& half);
  torch::Tensor dilated_scales(torch::Tensor const& quarter);
  torch::Tensor gated(torch::Tensor const& features);

  MustfnOptions options_;
  NetworkInfo info_;
  Chain fine_stem_{nullptr}, coarse_stem_{nullptr}, widen_{nullptr};
  Chain half_{nullptr}, half_residual_{nullptr}, quarter_{nullptr}, quarter_residual_{nullptr};
  torch::nn::ModuleList pools_, dilations_;
  Chain join_pools_{nullptr}, join_dilations_{nullptr}, gate_{nullptr}, head_{nullptr};
  torch::Tensor gate_logits_;  ///< of the constant gate
};

NetworkEntry mustfn_entry();

}  // namespace stfcube::nn
