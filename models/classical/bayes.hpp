#pragma once

#include <vector>

#include "stfcube/models/classical/class_change.hpp"
#include "stfcube/models/classical/classes.hpp"
#include "stfcube/models/classical/linear.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The fine image most probable after the coarse one was seen: a Gaussian prior from the fine images (mean by
/// class change or by time, variance by class), and the coarse value as the mean of the cell's pixels with
/// noise. The standard deviation left is the uncertainty.
/// @source specs: bayesian.md; docs/methods/bayes.md
class BayesModel final : public FusionModel {
 public:
  enum class Method {
    block,   ///< pixels uncorrelated given their class: every cell by itself
    smooth,  ///< correlation falls with distance: 3 x 3 cells together
  };
  enum class Prior {
    change,  ///< fine image of the nearest pair + change of the class
    linear,  ///< between the fine images before and after
  };

  /// @throws Error(config) when an option is wrong
  explicit BayesModel(ModelSettings const& settings);
  static ModelEntry entry();

  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const& shape, int threads) const override;
  bool wants_statistics() const override { return round_ != Round::none; }
  void observe(FusionInput const& input, Statistics& statistics) const override;
  void prepare(Statistics const& statistics) override;
  void fuse(FusionInput const& input, FusionOutput& output) const override;

 private:
  /// What the first pass looks for; `scatter` sees two pairs at once, the others one.
  enum class Round { classes, changes, scatter, none };
  class Tile;

  BayesModel(ModelSettings const& settings, ModelOptions const& options);

  void observe_scatter(FusionInput const& input, int from, int to, Statistics& statistics) const;
  void next_round();

  Method method_;
  Prior prior_;
  bool scatter_of_pairs_, bias_of_pair_;
  double coarse_sigma_, length_;  ///< DN, fine pixels
  int most_classes_;
  int ratio_;
  int max_gap_days_, tolerance_days_;
  Quantity range_;
  std::vector<double> sigma_;  ///< per band, DN, of one observation of either sensor
  StatZones zones_;
  FineClasses classes_;
  ClassChange change_;
  LinearModel linear_;  ///< where there is no prior
  Statistics scatter_;
  Round round_ = Round::classes;
  ModelInfo info_;
};

}  // namespace stfcube
