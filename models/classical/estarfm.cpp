#include "stfcube/models/classical/estarfm.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "stfcube/models/classical/estarfm_block.hpp"
#include "stfcube/models/classical/starfm.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

std::string statistics_subject(Date date) {
  return "estarfm/" + to_string(date);
}

class Estarfm final : public FusionModel {
 public:
  explicit Estarfm(ModelSettings const& settings)
      : settings_(settings),
        range_(settings.quantity),
        bands_(static_cast<int>(settings.bands.size())),
        max_gap_days_(settings.max_pair_gap_days),
        tolerance_days_(settings.pair_tolerance_days),
        zoned_(settings.zone_px > 0),
        zones_(settings.zone_px) {
    info_.name = "estarfm";
    info_.title = "ESTARFM, Enhanced Spatial and Temporal Adaptive Reflectance Fusion Model";
    info_.citation =
        "Zhu, X., Chen, J., Gao, F., Chen, X., Masek, J. G. (2010): An enhanced spatial and temporal "
        "adaptive "
        "reflectance fusion model for complex heterogeneous regions. "
        "Remote Sensing of Environment 114(11), 2610-2623. doi:10.1016/j.rse.2010.05.032";
    info_.pairs_needed = 2;
    info_.needs_coarse = true;
    info_.support = {.halo_px = settings_.half(), .halo_cells = settings_.bilinear ? 1 : 0, .lattice_px = 1};
    if (!settings_.single_starfm) return;
    starfm_ = starfm_entry().make(settings);
    Support const other = starfm_->info().support;
    info_.pairs_needed = 1;
    info_.support.halo_px = std::max(info_.support.halo_px, other.halo_px);
    info_.support.halo_cells = std::max(info_.support.halo_cells, other.halo_cells);
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    int const pairs = std::min(shape.fine_dates, shape.coarse_dates);
    std::size_t const blocks = to_size(threads) * EstarfmBlock::bytes(settings_, shape, pairs);
    if (!starfm_) return blocks;
    std::size_t const pixels =
        to_size(shape.core_width) * to_size(shape.core_height) * to_size(shape.targets);
    return std::max(blocks, starfm_->memory_bytes(shape, threads)) +
           pixels * (2 * sizeof(Dn) * to_size(shape.bands) + sizeof(quality::Flags));
  }

  bool wants_statistics() const override { return !statistics_.has_value(); }

  void observe(FusionInput const& input, Statistics& statistics) const override {
    for (int date = 0; date < input.fine.dn.dates(); ++date) {
      for (auto const& piece :
           zones_.pieces(statistics_subject(input.fine.dates[to_size(date)]), input.core_px)) {
        auto const row = statistics.row(piece.name, 3 * to_size(bands_));
        for (int band = 0; band < bands_; ++band) {
          for (int y = piece.px.y; y < piece.px.bottom(); ++y)
            observe_row(input, date, band, y, piece.px, &row[3 * to_size(band)]);
        }
      }
    }
    if (starfm_) starfm_->observe(input, statistics);
  }

  void prepare(Statistics const& statistics) override {
    statistics_ = statistics;
    if (starfm_) starfm_->prepare(statistics);
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    EstarfmTile const tile = make_tile(input);
    int const side = EstarfmBlock::side(static_cast<int>(input.targets.size()));
    int const across = (input.core_px.width + side - 1) / side;
    int const down = (input.core_px.height + side - 1) / side;
    parallel_for(0, tile.pairs.size() < 2 ? 0 : across * down, [&](int i) {
      Rect const block{input.core_px.x + i % across * side, input.core_px.y + i / across * side, side, side};
      EstarfmBlock(tile, intersect(block, input.core_px)).fuse(output);
    });
    if (starfm_) fill_from_starfm(input, output);
  }

 private:
  void observe_row(FusionInput const& input, int date, int band, int y, Rect const& px,
                   ExactSum* sums) const {
    Dn const* const row = input.fine.dn.row(date, band, y - input.padded_px.y) + (px.x - input.padded_px.x);
    std::int64_t count = 0, sum = 0, squares = 0;
    for (int x = 0; x < px.width; ++x) {
      std::int64_t const value = row[x];
      if (value == no_data_dn) continue;
      count += 1;
      sum += value;
      squares += value * value;
    }
    sums[0] += count;
    sums[1] += sum;
    sums[2] += squares;
  }

  EstarfmTile make_tile(FusionInput const& input) const {
    EstarfmTile tile{.input = input,
                     .settings = settings_,
                     .range = range_,
                     .max_gap_days = max_gap_days_,
                     .zones = zones_,
                     .zoned = zoned_};
    tile.pairs = pairs_in_reach(input, tolerance_days_, max_gap_days_);
    tile.target_coarse = coarse_of_targets(input);
    for (Pair const& pair : tile.pairs) {
      auto& by_zone = tile.sigma.emplace_back();
      for (auto const zone : zones_.zones_of(input.scene_px, input.core_px))
        by_zone[zone] = sigma(pair.date, zone);
    }
    return tile;
  }

  /// By band; NaN where the zone has no pixel.
  std::vector<double> sigma(Date date, StatZones::Zone zone) const {
    ensure(statistics_.has_value(), "ESTARFM has statistics before it predicts");
    auto const sums = zones_.sum(*statistics_, statistics_subject(date), zone);
    std::vector<double> values(to_size(bands_), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t b = 0; b < values.size() && !sums.empty(); ++b)
      values[b] = population_sigma(sums[3 * b], sums[3 * b + 1], sums[3 * b + 2]);
    return values;
  }

  /// Pixels that have one pair only.
  void fill_from_starfm(FusionInput const& input, FusionOutput& output) const {
    auto const found = output.quality.all();
    if (std::ranges::find(found, quality::no_data) == found.end()) return;
    FusionOutput other(output.dn.dates(), output.dn.bands(), output.dn.rows(), output.dn.cols());
    Stack<double> exact;
    if (output.exact) {
      exact = Stack<double>(output.dn.dates(), output.dn.bands(), output.dn.rows(), output.dn.cols());
      exact.fill(std::numeric_limits<double>::quiet_NaN());
      other.exact = &exact;
    }
    starfm_->fuse(input, other);
    for (int t = 0; t < output.dn.dates(); ++t) {
      for (std::size_t i = 0; i < output.dn.plane_size(); ++i) {
        if (output.quality.plane(t, 0)[i] != quality::no_data) continue;
        output.quality.plane(t, 0)[i] = other.quality.plane(t, 0)[i];
        for (int b = 0; b < bands_; ++b) {
          output.dn.plane(t, b)[i] = other.dn.plane(t, b)[i];
          output.uncertainty.plane(t, b)[i] = other.uncertainty.plane(t, b)[i];
          if (output.exact) output.exact->plane(t, b)[i] = exact.plane(t, b)[i];
        }
      }
    }
  }

  EstarfmSettings settings_;
  Quantity range_;
  int bands_, max_gap_days_, tolerance_days_;
  bool zoned_;
  StatZones zones_;
  ModelInfo info_;
  std::unique_ptr<FusionModel> starfm_;  ///< for pixels with one pair
  std::optional<Statistics> statistics_;
};

}  // namespace

ModelEntry estarfm_entry() {
  return {.summary = "coarse change of similar pixels, converted, between two pairs (Zhu et al. 2010)",
          .options = estarfm_options(),
          .make = [](ModelSettings const& settings) { return std::make_unique<Estarfm>(settings); }};
}

}  // namespace stfcube
