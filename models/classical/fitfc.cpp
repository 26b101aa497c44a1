#include "stfcube/models/classical/fitfc.hpp"

#include <algorithm>

#include "stfcube/models/classical/fitfc_block.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

class FitFc final : public FusionModel {
 public:
  explicit FitFc(ModelSettings const& settings)
      : settings_(settings),
        range_(settings.quantity),
        ratio_(settings.ratio),
        max_gap_days_(settings.max_pair_gap_days),
        tolerance_days_(settings.pair_tolerance_days) {
    info_.name = "fitfc";
    info_.title = "Fit-FC, regression model fitting, spatial filtering and residual compensation";
    info_.citation =
        "Wang, Q., Atkinson, P. M. (2018): Spatio-temporal fusion for daily Sentinel-2 images. Remote "
        "Sensing of "
        "Environment 204, 31-42. doi:10.1016/j.rse.2017.10.046";
    info_.pairs_needed = 1;
    info_.needs_coarse = true;
    info_.support = {
        .halo_px = settings_.window.half_px, .halo_cells = settings_.halo_cells(), .lattice_px = 1};
    for (auto const& band : settings.bands) sigma_.push_back(observation_uncertainty_dn(band));
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    return static_cast<std::size_t>(threads) *
           FitFcBlock::bytes(settings_, ratio_, shape.bands, shape.fine_dates, shape.targets);
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    FitFcTile tile{.input = input,
                   .settings = settings_,
                   .range = range_,
                   .sigma = sigma_,
                   .max_gap_days = max_gap_days_};
    tile.pairs = pairs_in_reach(input, tolerance_days_, max_gap_days_);
    tile.target_coarse = coarse_of_targets(input);
    if (tile.pairs.empty()) return;
    int const side = SimilarSearch::largest_side;
    int const across = (input.core_px.width + side - 1) / side;
    int const down = (input.core_px.height + side - 1) / side;
    parallel_for(0, across * down, [&](int i) {
      Rect const block{input.core_px.x + i % across * side, input.core_px.y + i / across * side, side, side};
      FitFcBlock(tile, intersect(block, input.core_px)).fuse(output);
    });
  }

 private:
  FitFcSettings settings_;
  Quantity range_;
  int ratio_, max_gap_days_, tolerance_days_;
  std::vector<double> sigma_;  ///< per band, DN, of one observation of either sensor
  ModelInfo info_;
};

}  // namespace

ModelEntry fitfc_entry() {
  return {.summary =
              "local regression of coarse images, similar pixels, residual put back (Wang and Atkinson 2018)",
          .options = fitfc_options(),
          .make = [](ModelSettings const& settings) { return std::make_unique<FitFc>(settings); }};
}

}  // namespace stfcube
