#include "stfcube/models/classical/fsdaf.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "stfcube/models/classical/fsdaf_tile.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

class Fsdaf final : public FusionModel {
 public:
  explicit Fsdaf(ModelSettings const& settings)
      : settings_(settings),
        range_(settings.quantity),
        max_gap_days_(settings.max_pair_gap_days),
        tolerance_days_(settings.pair_tolerance_days),
        zones_(settings.zone_px),
        classes_({.subject = "fsdaf/classes",
                  .classes = settings_.classes,
                  .sample = settings_.sample,
                  .class_map = settings_.class_map,
                  .assignments = settings_.assignments}),
        memberships_("fsdaf/memberships"),
        change_({.subject = "fsdaf/change",
                 .purest = settings_.purest,
                 .lowest_quantile = settings_.lowest_quantile,
                 .highest_quantile = settings_.highest_quantile,
                 .by_size = sub_pixel(),
                 .zone_px = settings.zone_px,
                 .ratio = settings.ratio,
                 .parts = sub_pixel() ? ClassMemberships::parts : 1}),
        endmembers_({.subject = "fsdaf/endmembers",
                     .purest = settings_.endmember_purest,
                     .lowest_quantile = 0,
                     .highest_quantile = 1,
                     .of_target = true,
                     .zone_px = settings.zone_px,
                     .ratio = settings.ratio,
                     .parts = ClassMemberships::parts}),
        similar_(std::max(1, settings_.window_px), settings_.similar) {
    info_.name = "fsdaf";
    info_.title = "FSDAF, Flexible Spatiotemporal Data Fusion";
    info_.citation =
        "Zhu, X., Helmer, E. H., Gao, F., Liu, D., Chen, J., Lefsky, M. A. (2016): A flexible spatiotemporal "
        "method "
        "for fusing satellite images with different resolutions. Remote Sensing of Environment 172, 165-177. "
        "doi:10.1016/j.rse.2015.11.016";
    info_.pairs_needed = 1;
    info_.needs_coarse = true;
    info_.support = settings_.support();
    info_.observes = Observed::pair_and_targets;
    if (settings_.kernel == SpatialKernel::tps_local) spline_.emplace(settings_.ratio, settings_.reach);
    for (auto const& band : settings.bands) sigma_.push_back(observation_uncertainty_dn(band));
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    return FsdafTile::bytes(settings_, shape, threads);
  }

  bool wants_statistics() const override { return !change_.done() || (sub_pixel() && !endmembers_.done()); }

  void observe(FusionInput const& input, Statistics& statistics) const override {
    if (first_round_) observe_sums(input, statistics);
    if (!classes_.done()) {
      classes_.observe(input, statistics);
      return;
    }
    if (sub_pixel() && !memberships_.done()) {
      memberships_.observe(input, classes_, statistics);
      return;
    }
    for (Pair const& pair : find_pairs(input.fine.dates, input.coarse.dates, tolerance_days_)) {
      if (!sub_pixel()) {
        change_.observe(input, pair, classes_, statistics);
        continue;
      }
      if (!change_.done()) change_.observe(input, pair, classes_, statistics, &memberships_);
      if (!endmembers_.done()) endmembers_.observe(input, pair, classes_, statistics, &memberships_);
    }
  }

  void prepare(Statistics const& statistics) override {
    if (first_round_) {
      sums_ = statistics;
      first_round_ = false;
    }
    if (!classes_.done()) {
      classes_.prepare(statistics);
    } else if (sub_pixel() && !memberships_.done()) {
      memberships_.prepare(statistics, classes_);
    } else {
      change_.prepare(statistics, classes_);
      if (sub_pixel()) endmembers_.prepare(statistics, classes_);
    }
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    FsdafKnowledge const knowledge{
        settings_,
        range_,
        zones_,
        classes_,
        change_,
        sub_pixel() ? &memberships_ : nullptr,
        sub_pixel() ? &endmembers_ : nullptr,
        similar_,
        spline_ ? &*spline_ : nullptr,
        sigma_,
        max_gap_days_,
        tolerance_days_,
        [this](Date date, int band, StatZones::Zone zone) { return scene_sigma(date, band, zone); }};
    FsdafTile(knowledge, input, output).fuse();
  }

 private:
  bool sub_pixel() const { return settings_.variant == FsdafVariant::sfsdaf; }
  static std::string sums_name(Date date) { return fmt::format("fsdaf/sums/{}", date.days); }

  /// Numbers, sums and squares of the fine values of every band, by parts of zones.
  void observe_sums(FusionInput const& input, Statistics& statistics) const {
    for (int index = 0; index < input.fine.dn.dates(); ++index) {
      std::string const name = sums_name(input.fine.dates[static_cast<std::size_t>(index)]);
      for (auto const& piece : zones_.pieces(name, input.padded_px)) {
        for (int band = 0; band < input.fine.dn.bands(); ++band) {
          std::int64_t count = 0, sum = 0, squares = 0;
          for (int y = piece.px.y - input.padded_px.y; y < piece.px.bottom() - input.padded_px.y; ++y) {
            Dn const* const row = input.fine.dn.row(index, band, y) - input.padded_px.x;
            for (int x = piece.px.x; x < piece.px.right(); ++x) {
              std::int64_t const value = row[x];
              if (value == no_data_dn) continue;
              count += 1;
              sum += value;
              squares += value * value;
            }
          }
          for (std::string const& row_name : {piece.name, name + "/scene"}) {
            auto const row = statistics.row(row_name, 3 * static_cast<std::size_t>(input.fine.dn.bands()));
            ExactSum* const to = &row[3 * static_cast<std::size_t>(band)];
            to[0] += count;
            to[1] += sum;
            to[2] += squares;
          }
        }
      }
    }
  }

  double scene_sigma(Date date, int band, StatZones::Zone zone) const {
    auto const sigma = [&](std::span<ExactSum const> sums) {
      std::size_t const at = 3 * static_cast<std::size_t>(band);
      return sums.empty() ? std::nan("") : population_sigma(sums[at], sums[at + 1], sums[at + 2]);
    };
    double const own = sigma(zones_.sum(sums_, sums_name(date), zone));
    return std::isnan(own) ? sigma(sums_.find(sums_name(date) + "/scene")) : own;
  }

  FsdafSettings settings_;
  Quantity range_;
  int max_gap_days_, tolerance_days_;
  StatZones zones_;
  FineClasses classes_;
  ClassMemberships memberships_;  ///< this and endmembers_: of sfsdaf
  ClassChange change_, endmembers_;
  MostSimilarPixels similar_;
  std::optional<ThinPlateSpline> spline_;
  std::vector<double> sigma_;
  ModelInfo info_;
  bool first_round_ = true;
  Statistics sums_;  ///< of the first round
};

}  // namespace

ModelEntry fsdaf_entry() {
  return {.summary = "class changes by unmixing, coarse residual shared out in its cell (Zhu et al. 2016)",
          .options = fsdaf_options(),
          .make = [](ModelSettings const& settings) { return std::make_unique<Fsdaf>(settings); }};
}

}  // namespace stfcube
