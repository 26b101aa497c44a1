#pragma once

#include <memory>
#include <string>

#include "stfcube/models/nn/api/network_info.hpp"
#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// The images of one call, float32 in the scaling that NetworkInfo::scaling names, all on the fine grid. N
/// patches, B bands, H x W fine pixels, T dates. What a network's form does not name is undefined. Pixels
/// without a value were filled before; where `..._valid` is defined it tells which (1 = observed, 0 =
/// filled).
struct NetworkInput {
  torch::Tensor coarse_target;               ///< [N, B, H, W]
  torch::Tensor coarse_before, fine_before;  ///< the reference pair; of two pairs the earlier one
  torch::Tensor coarse_after, fine_after;    ///< the later pair
  torch::Tensor days_before,
      days_after;  ///< [N], from the earlier pair to the target and from it to the later pair
  torch::Tensor coarse_target_valid;  ///< [N, 1, H, W], likewise the next ones
  torch::Tensor fine_before_valid, coarse_before_valid, fine_after_valid, coarse_after_valid;

  torch::Tensor coarse_series,
      fine_series;  ///< [N, T, B, H, W], ascending dates; fine zero where not observed
  torch::Tensor coarse_series_valid, fine_series_valid;  ///< [N, T, 1, H, W]
  torch::Tensor day_of_year;                             ///< [N, T], 0 <= d < 366
  torch::Tensor days;                                    ///< [N, T], days since the first date

  torch::Tensor noisy;  ///< [N, B, H, W]: the target image at diffusion step `step`
  torch::Tensor step;   ///< [N], int64
};

/// A network of the fusion literature. Built from an options struct, which fixes names and shapes of all
/// parameters. In evaluation mode `predict` is thread-safe: it changes nothing and draws no random numbers.
class Network : public torch::nn::Module {
 public:
  virtual NetworkInfo const& info() const = 0;

  /// The fine image of the target date, [N, B, H, W]; series networks: of every date, [N, T, B, H, W];
  /// diffusion networks: the clean image as seen from `noisy` at `step`.
  virtual torch::Tensor predict(NetworkInput const& input) = 0;

  /// Predictions that training compares with the truth besides the main one (side outputs), the main one
  /// first. Each is [N, B, h, w] of the full size or a divisor of it.
  virtual std::vector<torch::Tensor> predict_all(NetworkInput const& input) { return {predict(input)}; }

  /// The discriminator that the publication trains against, or nothing. forward(image [N, B, H, W],
  /// condition) -> scores; see layers/discriminator.hpp.
  virtual std::shared_ptr<class Discriminator> make_discriminator() const { return nullptr; }
};

/// Judges whether an image is a real fine image. `condition` is what the publication concatenates (a coarse
/// or reference image, by the network that owns it), taken from the same input as the generator's.
class Discriminator : public torch::nn::Module {
 public:
  virtual torch::Tensor judge(torch::Tensor const& image, NetworkInput const& input) = 0;
};

}  // namespace stfcube::nn
