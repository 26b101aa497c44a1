#include "stfcube/models/classical/stnlffm.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "stfcube/models/classical/stnlffm_part.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// Indices inside a window of the raster are 16 bits wide.
constexpr int largest_window = 101;
constexpr int largest_patch = 20;
constexpr int differences = 65536;  // of two DN

class Stnlffm final : public FusionModel {
 public:
  explicit Stnlffm(ModelSettings const& settings)
      : settings_(settings),
        range_(settings.quantity),
        max_gap_days_(settings.max_pair_gap_days),
        tolerance_days_(settings.pair_tolerance_days) {
    info_.name = "stnlffm";
    info_.title = "STNLFFM, Spatial and Temporal Non-Local Filter based Fusion Model";
    info_.citation =
        "Cheng, Q., Liu, H., Shen, H., Wu, P., Zhang, L. (2017): A spatial and temporal nonlocal "
        "filter-based "
        "data fusion method. IEEE Transactions on Geoscience and Remote Sensing 55(8), 4476-4488. "
        "doi:10.1109/TGRS.2017.2692802";
    info_.pairs_needed = 1;
    info_.needs_coarse = true;
    using Coarse = StnlffmSettings::Coarse;
    int const cells = settings_.coarse == Coarse::bicubic ? 2 : settings_.coarse == Coarse::bilinear ? 1 : 0;
    info_.support = {.halo_px = settings_.reach(), .halo_cells = cells, .lattice_px = 1};
    double const scale = 10000 * settings_.bandwidth * settings_.bandwidth;
    for (int i = 0; i < differences; ++i) weights_.push_back(std::exp(-i / scale));
    double const width = (2 * settings_.patch + 1) / 4.0;
    for (int dy = -settings_.patch; dy <= settings_.patch; ++dy) {
      for (int dx = -settings_.patch; dx <= settings_.patch; ++dx)
        patch_weights_.push_back(std::exp(-(dx * dx + dy * dy) / (2 * width * width)));
    }
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    int const side = StnlffmPart::side(settings_);
    auto const masks = static_cast<std::size_t>(side) * static_cast<std::size_t>(side) *
                       static_cast<std::size_t>(std::min(shape.fine_dates, shape.coarse_dates));
    return StnlffmPart::bytes(settings_, shape, threads) + 2 * masks;
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    StnlffmTile tile{.input = input,
                     .settings = settings_,
                     .range = range_,
                     .weights = weights_,
                     .patch_weights = patch_weights_,
                     .max_gap_days = max_gap_days_};
    tile.pairs = pairs_in_reach(input, tolerance_days_, max_gap_days_);
    tile.target_coarse = coarse_of_targets(input);
    if (tile.pairs.empty()) return;
    int const side = StnlffmPart::side(settings_);
    Rect const& core = input.core_px;
    for (int y = core.y; y < core.bottom(); y += side) {
      for (int x = core.x; x < core.right(); x += side)
        StnlffmPart(tile, intersect(Rect{x, y, side, side}, core)).fuse(output);
    }
  }

 private:
  StnlffmSettings settings_;
  Quantity range_;
  int max_gap_days_, tolerance_days_;
  std::vector<double> weights_, patch_weights_;
  ModelInfo info_;
};

}  // namespace

std::vector<OptionSpec> const& stnlffm_options() {
  static std::vector<OptionSpec> const options = {
      {"window", "51", "full width of the window, px; odd, up to 101"},
      {"similar", "0.01", "d: similar means |F - F0| <= d 2^F0 in all bands, reflectance"},
      {"change", "0.005", "and coarse changes that differ by no more than this, reflectance"},
      {"bandwidth", "0.15", "g: a coarse difference of g^2 lowers a weight to 1/e, reflectance"},
      {"patch", "0", "radius of the patches whose coarse values are compared, px; 0: single pixels"},
      {"gamma", "1", "how much the slopes of the local lines are held at 1"},
      {"coarse", "bicubic", "bicubic | bilinear | nearest: how coarse images come to the fine grid"},
      {"pairs", "2", "1: the nearest valid pair in time; 2: the nearest before and the nearest after"},
  };
  return options;
}

StnlffmSettings::StnlffmSettings(ModelSettings const& settings) {
  ModelOptions const options("stnlffm", stnlffm_options(), settings.options);
  window = options.integer("window", 1, largest_window);
  require(window % 2 == 1, ErrorKind::config, fmt::format("stnlffm.window = {} (must be odd).", window));
  similar_dn = options.number("similar", 0, 1) * 10000;
  change_dn = static_cast<int>(std::lround(options.number("change", 0, 1) * 10000));
  bandwidth = options.number("bandwidth", 1e-3, 1e3);
  patch = options.integer("patch", 0, largest_patch);
  gamma = options.number("gamma", 0, 1e9);
  std::string const kernel = options.choice("coarse", {"bicubic", "bilinear", "nearest"});
  coarse = kernel == "bicubic" ? Coarse::bicubic : kernel == "bilinear" ? Coarse::bilinear : Coarse::nearest;
  pairs = options.integer("pairs", 1, 2);
  for (std::string const& band : settings.bands) sigma.push_back(observation_uncertainty_dn(band));
}

ModelEntry stnlffm_entry() {
  return {
      .summary = "similar pixels put through local lines, averaged by coarse likeness (Cheng et al. 2017)",
      .options = stnlffm_options(),
      .make = [](ModelSettings const& settings) { return std::make_unique<Stnlffm>(settings); }};
}

}  // namespace stfcube
