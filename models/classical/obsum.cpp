#include "stfcube/models/classical/obsum.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "stfcube/models/classical/fitfc_settings.hpp"
#include "stfcube/models/classical/obsum_tile.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr int most_map_classes = 64;
constexpr int most_ratio = 100;  // larger cells would overflow the exact sums of unmixing

std::vector<OptionSpec> const& options_of_obsum() {
  static std::vector<OptionSpec> const options = {
      {"classes", "5",
       "number of classes (k-means of the fine image); a class map of the job takes its place"},
      {"sample", "1", "k-means looks at one of so many pixels; more than 1 for areas larger than a scene"},
      {"lattice", "128", "objects are cut at a lattice of this width, px"},
      {"radius", "7", "half size of the window of unmixing, coarse cells: 7 is a window of 15 x 15"},
      {"share", "0.05", "share of an object's pixels by which its coarse residual is known"},
      {"window", "31", "full width of the window of similar pixels, px, odd"},
      {"similar", "30", "n: similar pixels taken"},
      {"compat", "false", "divide distances twice by half the window, as the authors' program does"},
      {"residual", "change",
       "change: what is left of the coarse change; image: what is left of the coarse target, which brings "
       "the "
       "difference of the sensors in"},
      {"result", "complete",
       "complete | compensated (without similar pixels) | objects (no residual put back)"},
  };
  return options;
}

ObsumSettings::Result result_named(std::string const& name) {
  if (name == "objects") return ObsumSettings::Result::objects;
  return name == "compensated" ? ObsumSettings::Result::compensated : ObsumSettings::Result::complete;
}

ObsumSettings read_settings(ModelSettings const& settings) {
  require(settings.ratio <= most_ratio, ErrorKind::config,
          fmt::format("grid.ratio = {} is too large for obsum (at most {}). Use a coarser target grid.",
                      settings.ratio, most_ratio));
  ModelOptions const options("obsum", options_of_obsum(), settings.options);
  ObsumSettings result;
  result.classes = {.subject = "obsum/classes",
                    .classes = options.integer("classes", 1, 32),
                    .sample = options.integer("sample", 1, 1000000),
                    .class_map = settings.class_map};
  result.most_classes = settings.class_map ? most_map_classes : result.classes.classes;
  result.lattice_px = options.integer("lattice", 8, 512);
  result.radius = options.integer("radius", 0, 50);
  result.share = options.number("share", 1e-6, 1);
  int const h =
      half_of_window("obsum.window", options.integer("window", 1, 2 * SimilarWindow::largest_half_px + 1));
  double const scale = std::max(h, 1);
  result.window = {.half_px = h,
                   .wanted = options.integer("similar", 1, 1000),
                   .distance_px = options.flag("compat") ? scale * scale : scale};
  result.result = result_named(options.choice("result", {"complete", "compensated", "objects"}));
  result.of_images = options.choice("residual", {"change", "image"}) == "image";
  return result;
}

std::string change_name(Date from, Date to, int band) {
  return fmt::format("obsum/{}-{}/{}", to.days, from.days, band);
}

class Obsum final : public FusionModel {
 public:
  explicit Obsum(ModelSettings const& settings)
      : settings_(read_settings(settings)),
        classes_(settings_.classes),
        range_(settings.quantity),
        ratio_(settings.ratio),
        max_gap_days_(settings.max_pair_gap_days),
        tolerance_days_(settings.pair_tolerance_days) {
    info_.name = "obsum";
    info_.title = "OBSUM, object-based spatial unmixing model";
    info_.citation =
        "Guo, H., Ye, D., Xu, H., Bruzzone, L. (2024): OBSUM: An object-based spatial unmixing model for "
        "spatiotemporal fusion of remote sensing images. Remote Sensing of Environment 304, 114046. "
        "doi:10.1016/j.rse.2024.114046";
    info_.pairs_needed = 1;
    info_.needs_coarse = true;
    info_.support = {.halo_px = settings_.halo_px(ratio_), .halo_cells = 0, .lattice_px = 1};
    info_.observes = Observed::pair_and_targets;
    for (auto const& band : settings.bands) sigma_.push_back(observation_uncertainty_dn(band));
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    return ObsumTile::bytes(settings_, ratio_, shape, threads);
  }

  bool wants_statistics() const override { return !changes_ || !classes_.done(); }

  void observe(FusionInput const& input, Statistics& statistics) const override {
    classes_.observe(input, statistics);
    if (changes_) return;
    auto const now = coarse_of_targets(input);
    for (Pair const& pair : find_pairs(input.fine.dates, input.coarse.dates, tolerance_days_)) {
      for (std::size_t t = 0; t < input.targets.size(); ++t) {
        if (now[t] >= 0) observe_change(input, pair, now[t], input.targets[t], statistics);
      }
    }
  }

  void prepare(Statistics const& statistics) override {
    classes_.prepare(statistics);
    if (!changes_) changes_ = statistics;
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    ObsumTile tile(input, settings_, range_, sigma_, classes_, tolerance_days_, max_gap_days_);
    for (int p = 0; p < static_cast<int>(tile.pairs().size()); ++p) {
      std::vector<std::vector<Bounds>> bounds;
      for (Date const target : input.targets)
        bounds.push_back(
            bounds_of(tile.pairs()[static_cast<std::size_t>(p)].date, target, output.dn.bands()));
      tile.fuse(p, bounds, output);
    }
  }

 private:
  /// Counts the smallest and the largest change of the tile: more is not asked of them.
  static void observe_change(FusionInput const& input, Pair const& pair, int now, Date target,
                             Statistics& statistics) {
    for (int band = 0; band < input.coarse.dn.bands(); ++band) {
      auto const before = input.coarse.dn.plane(pair.coarse, band), after = input.coarse.dn.plane(now, band);
      int lowest = std::numeric_limits<int>::max(), highest = std::numeric_limits<int>::min();
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i] == no_data_dn || after[i] == no_data_dn) continue;
        lowest = std::min(lowest, after[i] - before[i]);
        highest = std::max(highest, after[i] - before[i]);
      }
      if (lowest > highest) continue;
      Tally& tally = statistics.tally(change_name(pair.date, target, band));
      ++tally[lowest];
      ++tally[highest];
    }
  }

  std::vector<Bounds> bounds_of(Date from, Date to, int bands) const {
    std::vector<Bounds> bounds;
    for (int band = 0; band < bands; ++band) {
      Tally const& tally = changes_->find_tally(change_name(from, to, band));
      bounds.push_back(tally.empty() ? Bounds{0, 0}
                                     : Bounds{static_cast<double>(tally.begin()->first),
                                              static_cast<double>(tally.rbegin()->first)});
    }
    return bounds;
  }

  ObsumSettings settings_;
  FineClasses classes_;
  Quantity range_;
  int ratio_, max_gap_days_, tolerance_days_;
  std::vector<double> sigma_;  ///< per band, DN, of one observation of either sensor
  std::optional<Statistics> changes_;
  ModelInfo info_;
};

}  // namespace

ModelEntry obsum_entry() {
  return {.summary =
              "unmixed change of objects, coarse residual by object and by similar pixels (Guo et al. 2024)",
          .options = options_of_obsum(),
          .make = [](ModelSettings const& settings) { return std::make_unique<Obsum>(settings); }};
}

}  // namespace stfcube
