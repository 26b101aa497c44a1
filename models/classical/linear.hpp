#pragma once

#include <optional>
#include <vector>

#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// Linear interpolation in time between the previous and the next valid fine observation of each pixel. Looks
/// at no coarse image: the floor below which fusion is not worth its cost, and what fills the holes of other
/// methods.
/// @source specs: baselines.md, section 2; docs/methods/linear.md
class LinearModel final : public FusionModel {
 public:
  explicit LinearModel(ModelSettings const& settings);
  static ModelEntry entry();

  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const& shape, int threads) const override;
  void fuse(FusionInput const& input, FusionOutput& output) const override;

  /// The fine observations each target may use, in the order in which a pixel tries them.
  std::vector<PairOrder> orders(FusionInput const& input) const;

  /// Predicts all bands of one pixel of the core: values and uncertainties are put into `output`, the quality
  /// is not. Thread-safe for different pixels.
  /// @param order  the target's, from `orders`
  /// @return flags without a state (observed, fused, ...); nothing when no observation is valid here, and
  /// then the
  ///         output stays as it was
  std::optional<quality::Flags> predict(FusionInput const& input, PairOrder const& order, int target, int row,
                                        int col, FusionOutput& output) const;

 private:
  ModelInfo info_;
  Quantity range_;
  int max_gap_days_;
  std::vector<double> sigma_fine_;  ///< per band, DN
};

}  // namespace stfcube
