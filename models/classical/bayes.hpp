#pragma once

#include "stfcube/models/classical/bayes_tile.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The fine image most probable after the coarse one was seen: a Gaussian prior from the fine images (mean by
/// class change or by time, variance by class), and the coarse value as the mean of the cell's pixels with
/// noise. The standard deviation left is the uncertainty.
/// @source specs: bayesian.md; docs/methods/bayes.md
class BayesModel final : public FusionModel {
 public:
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

  BayesModel(ModelSettings const& settings, ModelOptions const& options);

  void observe_scatter(FusionInput const& input, int from, int to, Statistics& statistics) const;
  void next_round();

  bool scatter_of_pairs_;
  int most_classes_, ratio_;
  BayesParts parts_;
  Round round_ = Round::classes;
  ModelInfo info_;
};

}  // namespace stfcube
