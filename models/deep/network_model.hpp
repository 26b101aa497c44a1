#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "stfcube/models/classical/increment.hpp"
#include "stfcube/models/deep/patch_lattice.hpp"
#include "stfcube/models/deep/prediction.hpp"
#include "stfcube/models/deep/scene_maps.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/nn/api/predictor.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// How a network is used; its weights and structure are the predictor's.
struct NetworkUse {
  Combine combine = Combine::temporal_change;
  int sampling_steps = 4;  ///< diffusion: how often the network is asked
  int members = 1;         ///< diffusion: images from noise of their own, whose mean is the result
  std::uint64_t seed = 0;  ///< diffusion: of the noise
};

/// A network as a fusion method.
///
/// Local networks predict blocks of a lattice that is fixed on the target grid, each with a halo of the
/// network's receptive radius; what a network pads itself, it pads at the edge of the scene alone. Blocks of
/// one size are one shape, so that a pixel's bits depend neither on tiles nor on threads. Networks that
/// normalise by means of whole feature maps are run likewise, with the means of the scene, which first passes
/// gather: one for each such layer.
///
/// Networks that mix all pixels of their input run on patches of a lattice of the target grid, whose results
/// are blended in a fixed order; those of diffusion begin with noise that belongs to the pixel's place in the
/// scene.
///
/// Pixels that the network cannot predict, for want of an image, take what `increment` says, flagged
/// low_confidence.
/// @source specs: deep/seamless-inference.md; docs/networks.md
class NetworkModel final : public FusionModel {
 public:
  /// @throws Error(config) when the bands are not those of the network, or it fuses whole series
  NetworkModel(ModelSettings const& settings, NetworkUse const& use,
               std::unique_ptr<nn::Predictor> predictor);

  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const& shape, int threads) const override;

  bool wants_statistics() const override { return maps_ && !maps_->complete(); }
  std::vector<Rect> parts(Rect const& scene_px, int ratio, Rect const& core_px) const override;
  void observe(FusionInput const& input, Statistics& statistics) const override;
  void prepare(Statistics const& statistics) override;

  void fuse(FusionInput const& input, FusionOutput& output) const override;

 private:
  /// One target of one call of fuse.
  struct Target {
    ImageSource const& images;
    int index;   ///< among the targets of the input
    int coarse;  ///< its coarse observation, -1: none
    Date date;
  };

  bool on_patches() const { return lattice_.has_value(); }
  nn::NetworkInfo const& network() const { return predictor_->info(); }
  void fuse_region(Target const& target, Rect const& px, FusionOutput& output) const;
  std::optional<Prediction> predict_block(Target const& target, Rect const& px,
                                          References const& references) const;
  Prediction predict_patches(Target const& target, Rect const& px, References const& references,
                             std::function<bool(Rect const&)> const& needed) const;
  Prediction predict_patch(Target const& target, Rect const& patch, References const& references) const;
  std::size_t gathering_bytes(std::size_t pixels) const;
  std::size_t working_bytes(TileShape const& shape, int threads) const;
  void fill_from_increment(FusionInput const& input, FusionOutput& output) const;

  std::shared_ptr<nn::Predictor const> predictor_;
  NetworkUse use_;
  Quantity quantity_;
  int bands_, max_gap_days_, tolerance_days_, most_pairs_;
  BlockLattice blocks_;
  std::optional<PatchLattice> lattice_;  ///< of networks that run on patches
  std::optional<SceneMaps> maps_;        ///< of networks with statistics of the scene
  PredictionWriter writer_;
  IncrementModel increment_;
  ModelInfo info_;
};

/// What `stfcube models` says of a network with its default options, without weights.
ModelInfo network_model_info(nn::NetworkInfo const& network);

}  // namespace stfcube
