#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "stfcube/models/classical/increment.hpp"
#include "stfcube/models/deep/prediction.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/nn/api/predictor.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// How a network is used; its weights and structure are the predictor's.
struct NetworkUse {
  Combine combine = Combine::temporal_change;
};

/// A network as a fusion method. Local networks predict blocks of a lattice that is fixed on the target grid,
/// each with a halo of the network's receptive radius; what a network pads itself, it pads at the edge of the
/// scene alone. Blocks of one size are one shape, so that a pixel's bits depend neither on tiles nor on
/// threads.
///
/// Pixels that the network cannot predict, for want of an image, take what `increment` says, flagged
/// low_confidence.
/// @source specs: deep/seamless-inference.md; docs/networks.md
class NetworkModel final : public FusionModel {
 public:
  /// @throws Error(config) when the bands are not those of the network
  NetworkModel(ModelSettings const& settings, NetworkUse const& use,
               std::unique_ptr<nn::Predictor> predictor);

  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const& shape, int threads) const override;
  void fuse(FusionInput const& input, FusionOutput& output) const override;

 private:
  void fuse_region(ImageSource const& images, Rect const& px, int target, int coarse,
                   FusionOutput& output) const;
  Prediction predict_block(ImageSource const& images, Rect const& px, int coarse,
                           References const& references) const;
  Rect run_rectangle(Rect const& block, Rect const& scene) const;
  int run_side(int side) const;
  void fill_from_increment(FusionInput const& input, FusionOutput& output) const;

  std::unique_ptr<nn::Predictor> predictor_;
  NetworkUse use_;
  Quantity quantity_;
  int bands_, max_gap_days_, tolerance_days_, most_pairs_;
  PredictionWriter writer_;
  IncrementModel increment_;
  ModelInfo info_;
};

/// What `stfcube models` says of a network with its default options, without weights.
ModelInfo network_model_info(nn::NetworkInfo const& network);

}  // namespace stfcube
