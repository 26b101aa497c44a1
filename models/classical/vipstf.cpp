#include "stfcube/models/classical/vipstf.hpp"

#include <algorithm>

#include "stfcube/models/classical/vipstf_block.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

class Vipstf final : public FusionModel {
 public:
  explicit Vipstf(ModelSettings const& settings)
      : settings_(settings),
        regressions_(settings_, settings.zone_px, settings.max_pair_gap_days, settings.pair_tolerance_days),
        range_(settings.quantity),
        classes_(settings_.fine_classes),
        ratio_(settings.ratio),
        tolerance_days_(settings.pair_tolerance_days) {
    info_.name = "vipstf";
    info_.title = "VIPSTF, virtual image pair-based spatiotemporal fusion";
    info_.citation =
        "Wang, Q., Tang, Y., Tong, X., Atkinson, P. M. (2020): Virtual image pair-based spatio-temporal "
        "fusion. Remote "
        "Sensing of Environment 249, 112009. doi:10.1016/j.rse.2020.112009";
    info_.pairs_needed = 1;
    info_.needs_coarse = true;
    // Unmixing sees whole cells.
    int const halo_px =
        settings_.unmixed ? (settings_.radius + 1) * settings.ratio - 1 : settings_.window.half_px;
    info_.support = {.halo_px = halo_px, .halo_cells = settings_.halo_cells(), .lattice_px = 1};
    info_.observes = Observed::coarse_series;
    for (auto const& band : settings.bands) sigma_.push_back(observation_uncertainty_dn(band));
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    return static_cast<std::size_t>(threads) * VipstfBlock::bytes(settings_, ratio_, shape.bands) +
           VipstfTile::bytes(settings_, ratio_, shape);
  }

  bool wants_statistics() const override {
    return !regressions_.prepared() || (settings_.unmixed && !classes_.done());
  }

  void observe(FusionInput const& input, Statistics& statistics) const override {
    if (regressions_.prepared()) {
      classes_.observe(input, statistics);
    } else {
      regressions_.observe(input, statistics);
    }
  }

  void prepare(Statistics const& statistics) override {
    if (regressions_.prepared()) {
      classes_.prepare(statistics);
      return;
    }
    regressions_.prepare(statistics);
    info_.observes = Observed::pair;  // the rounds of k-means
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    VipstfTile tile(input, settings_, range_, sigma_, regressions_, tolerance_days_);
    if (settings_.unmixed) tile.unmix_residuals(classes_);
    int const side = SimilarSearch::largest_side;
    int const across = (input.core_px.width + side - 1) / side;
    int const down = (input.core_px.height + side - 1) / side;
    parallel_for(0, across * down, [&](int i) {
      Rect const block{input.core_px.x + i % across * side, input.core_px.y + i / across * side, side, side};
      VipstfBlock(tile, intersect(block, input.core_px)).fuse(output);
    });
  }

 private:
  VipstfSettings settings_;
  CoarseRegressions regressions_;
  Quantity range_;
  FineClasses classes_;  ///< of version SU
  int ratio_, tolerance_days_;
  std::vector<double> sigma_;  ///< per band, DN, of one observation of either sensor
  ModelInfo info_;
};

}  // namespace

ModelEntry vipstf_entry() {
  return {.summary =
              "coarse images of several dates explain the target's; similar pixels spread the rest (Wang et "
              "al. 2020)",
          .options = vipstf_options(),
          .make = [](ModelSettings const& settings) { return std::make_unique<Vipstf>(settings); }};
}

}  // namespace stfcube
