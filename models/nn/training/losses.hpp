#pragma once

#include <string>
#include <vector>

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// A prediction and what it should have been, in reflectance.
struct Comparison {
  torch::Tensor prediction, truth;  ///< [N, B, H, W]
  torch::Tensor mask;               ///< [N, 1, H, W]: 1 where the truth counts, else 0
  torch::Tensor band_weights;       ///< [B], mean 1; undefined = all 1
};

/// All losses are [N]: one number per patch, so that a mean over a batch does not depend on how ranks share
/// it. Pixels that the mask leaves out have no influence and no gradient; a patch without any pixel has the
/// loss 0.
torch::Tensor l1_loss(Comparison const& of);
torch::Tensor mse_loss(Comparison const& of);
/// Mean of sqrt(d^2 + 1e-6).
torch::Tensor charbonnier_loss(Comparison const& of);
/// Mean over pixels of 1 - cos of the angle between the spectra.
torch::Tensor cosine_loss(Comparison const& of);
/// Mean over pixels of the angle between the spectra, radians.
torch::Tensor spectral_angle_loss(Comparison const& of);

/// How the levels of MS-SSIM are put together. Published networks differ.
enum class MsssimVariant {
  standard,  ///< relu(v) + 1e-6; the last level's SSIM enters once
  tan,   ///< (v + 1) / 2; the last level's SSIM enters once per earlier level (EDCSTFN, GAN-STFM, MLFF-GAN,
         ///< RSFN)
  relu,  ///< relu(v) + 0.01, the product + 0.05 and at most 1 (SwinSTFM)
};

/// 1 - MS-SSIM: five levels with 2x2 averages between them, Gaussian window 11 with sigma 1.5 without padding
/// (smaller where the level is), dynamic range 1. The mask is eroded by the window. Means are taken per
/// patch, not over the batch. Patches need at least 16 pixels a side.
torch::Tensor msssim_loss(Comparison const& of, MsssimVariant variant);

/// A weighted sum of losses, by name: "l1 + 0.8 msssim". Names: l1, mse, charbonnier, cos, sam, msssim,
/// msssim-tan, msssim-relu; a weight before a name, 1 where there is none.
class Reconstruction {
 public:
  /// @throws Error(config) for text that is no such sum, naming the known losses
  explicit Reconstruction(std::string const& text);

  /// [N].
  torch::Tensor operator()(Comparison const& of) const;

 private:
  struct Term {
    double weight;
    torch::Tensor (*loss)(Comparison const&);
  };
  std::vector<Term> terms_;
};

}  // namespace stfcube::nn
