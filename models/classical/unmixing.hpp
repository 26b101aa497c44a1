#pragma once

#include <string>
#include <vector>

#include "stfcube/models/classical/classes.hpp"
#include "stfcube/models/classical/linear.hpp"
#include "stfcube/models/classical/unmix.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The unmixing family: classes of the fine image and the coarse values around a cell give the values, or the
/// change, of each class there, which every fine pixel of the class takes.
/// @source specs: unmixing.md; docs/methods/unmixing.md
class UnmixingModel final : public FusionModel {
 public:
  enum class Method {
    strum,  ///< fine image + unmixed coarse change
    stdfa,  ///< fine image + difference of two unmixed coarse images
    ubdf,   ///< unmixed coarse image
    mmt,    ///< the same, shares seen through the point-spread function
  };

  /// @throws Error(config) when an option is wrong
  explicit UnmixingModel(ModelSettings const& settings);
  static ModelEntry entry();

  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const& shape, int threads) const override;
  bool wants_statistics() const override { return !classes_.done() || !prepared_; }
  void observe(FusionInput const& input, Statistics& statistics) const override;
  void prepare(Statistics const& statistics) override;
  void fuse(FusionInput const& input, FusionOutput& output) const override;

 private:
  enum class BoundsRule { none, values, change };
  class Tile;

  UnmixingModel(ModelSettings const& settings, ModelOptions const& options);

  bool adds_to_fine() const { return method_ == Method::strum || method_ == Method::stdfa; }

  Method method_;
  BoundsRule bounds_rule_;
  bool fill_;
  UnmixSettings unmix_;
  int purest_;
  int most_classes_;
  int max_gap_days_, tolerance_days_;
  Quantity range_;
  std::vector<double> sigma_;  ///< per band, DN, of one observation of either sensor
  StatZones zones_;
  FineClasses classes_;
  LinearModel linear_;  ///< where no pair is valid
  Statistics statistics_;
  bool prepared_ = false;
  ModelInfo info_;
};

}  // namespace stfcube
