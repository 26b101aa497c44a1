#pragma once

#include <vector>

#include "stfcube/models/classical/linear.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The fine image plus the coarse change since its date, from the nearest valid pair before and after the
/// target.
/// @source specs: baselines.md, section 3; docs/methods/increment.md
class IncrementModel final : public FusionModel {
 public:
  /// How coarse cells become fine pixels.
  enum class Kernel { nearest, bilinear };
  /// How the predictions of two pairs are weighted.
  enum class Weights { temporal_change, mean, time };

  /// @throws Error(config) when an option is wrong, or ratio is above 500 (exact sums would not fit)
  explicit IncrementModel(ModelSettings const& settings);
  static ModelEntry entry();

  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const& shape, int threads) const override;
  void fuse(FusionInput const& input, FusionOutput& output) const override;

 private:
  class Rows;

  IncrementModel(ModelSettings const& settings, ModelOptions const& options);

  Kernel kernel_;
  Weights weights_;
  int pairs_;
  int max_gap_days_, tolerance_days_;
  Quantity range_;
  std::vector<double> sigma_;  ///< per band, DN, of one observation of either sensor
  LinearModel linear_;         ///< where no pair is valid
  ModelInfo info_;
};

}  // namespace stfcube
