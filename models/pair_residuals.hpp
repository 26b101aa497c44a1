#pragma once

#include <string>
#include <vector>

#include "stfcube/models/first_pass.hpp"

namespace stfcube {

/// How wrong the coarse change is about the fine change, measured on the job's own pairs: between
/// neighbouring pairs the fine change is known. The scale of a band is the factor that makes 68.3 % of the
/// residuals |fine change - coarse change| smaller than the standard deviation that prediction_sigma tells
/// for them; it carries that formula over to the sensors and the landscape at hand.
///
/// Looks at all of a small scene, and at a sample of blocks, anchored to the grid, of a large one. Pairs that
/// cannot be read are left out. Thread-safe after `prepare`.
class PairResiduals final : public FirstPass {
 public:
  explicit PairResiduals(std::vector<std::string> const& bands);

  Observed observed() const override { return Observed::neighbouring_pairs; }
  bool wants_statistics() const override { return scales_.empty(); }
  std::vector<Rect> parts(Rect const& scene_px, int ratio, Rect const& core_px) const override;
  bool tolerates_unreadable() const override { return true; }
  void observe(FusionInput const& input, Statistics& statistics) const override;
  void prepare(Statistics const& statistics) override;

  /// Per band, once prepared. `usual_uncertainty_scale` where no two pairs share a pixel.
  std::vector<double> const& scales() const { return scales_; }

 private:
  std::vector<double> noise_;  ///< per band, DN: of a fine and two coarse observations together
  std::vector<double> scales_;
};

/// The scale where a job has one pair only: the median over the real sets (docs/methods.md).
inline constexpr double usual_uncertainty_scale = 2;

}  // namespace stfcube
