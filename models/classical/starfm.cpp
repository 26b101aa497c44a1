#include "stfcube/models/classical/starfm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "stfcube/models/classical/starfm_block.hpp"
#include "stfcube/models/classical/starfm_settings.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr std::size_t table_size = 65536;  // a difference of two DN has 16 bits

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

std::string statistics_key(Date date) {
  return "starfm/" + to_string(date);
}

std::vector<double> reciprocals(bool logarithmic) {
  std::vector<double> table(table_size);
  for (std::size_t n = 0; n < table_size; ++n) {
    table[n] = 1.0 / (logarithmic ? std::log(static_cast<double>(n) + 2.0) : static_cast<double>(n) + 1.0);
  }
  return table;
}

/// Weights of bands that have the same combined uncertainty (spec, step 5).
struct WeightTables {
  WeightTables(double combined, std::vector<double> const& reciprocal)
      : plateau(table_size), falloff(table_size) {
    for (std::size_t s = 0; s < table_size; ++s) {
      bool const on_plateau = static_cast<double>(s + 1) < combined;
      plateau[s] = on_plateau ? 1.0 : 0.0;
      falloff[s] = on_plateau ? 0.0 : reciprocal[s];
      if (on_plateau) plateau_t.push_back(largest_t(static_cast<double>(s + 1), combined));
    }
  }

  /// The largest whole T with (S + 1)(T + 1) < sigma_c.
  static double largest_t(double s_factor, double combined) {
    double t = std::floor(combined / s_factor);
    while (s_factor * (t + 1) >= combined) t -= 1;
    return t;
  }

  std::vector<double> plateau, falloff, plateau_t;
};

class Starfm final : public FusionModel {
 public:
  explicit Starfm(ModelSettings const& settings)
      : settings_(settings),
        range_(settings.quantity),
        bands_(static_cast<int>(settings.bands.size())),
        ratio_(settings.ratio),
        max_gap_days_(settings.max_pair_gap_days),
        tolerance_days_(settings.pair_tolerance_days),
        zones_(settings.zone_px),
        reciprocal_(reciprocals(settings_.log_weights)) {
    info_.name = "starfm";
    info_.title = "STARFM, Spatial and Temporal Adaptive Reflectance Fusion Model";
    info_.citation =
        "Gao, F., Masek, J., Schwaller, M., Hall, F. (2006): On the blending of the Landsat and MODIS "
        "surface reflectance. "
        "IEEE Transactions on Geoscience and Remote Sensing 44(8), 2207-2218. doi:10.1109/TGRS.2006.872081";
    info_.pairs_needed = 1;
    info_.needs_coarse = true;
    info_.support = {
        .halo_px = settings_.before(), .halo_cells = settings_.bilinear ? 1 : 0, .lattice_px = 1};
    for (std::size_t b = 0; b < settings.bands.size(); ++b) {
      thresholds_.emplace_back(settings_.sigma_fine[b], settings_.sigma_coarse[b], settings_.usda);
      weights_.try_emplace(thresholds_.back().combined, thresholds_.back().combined, reciprocal_);
    }
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    int const pairs = std::min(shape.fine_dates, 2 * shape.targets);
    return to_size(threads) * StarfmBlock::bytes(settings_, ratio_, pairs, shape.targets);
  }

  bool wants_statistics() const override { return !statistics_.has_value(); }

  void observe(FusionInput const& input, Statistics& statistics) const override {
    for (int date = 0; date < input.fine.dn.dates(); ++date) {
      for (auto const& piece :
           zones_.pieces(statistics_key(input.fine.dates[to_size(date)]), input.core_px)) {
        auto const row = statistics.row(piece.name, 3 * to_size(bands_));
        for (int band = 0; band < bands_; ++band) {
          for (int y = piece.px.y; y < piece.px.bottom(); ++y)
            observe_row(input, date, band, {piece.px.x, y, piece.px.width, 1}, &row[3 * to_size(band)]);
        }
      }
    }
  }

  void prepare(Statistics const& statistics) override { statistics_ = statistics; }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    StarfmTile const tile = make_tile(input);
    if (tile.pairs.empty()) return;
    int const side = StarfmBlock::side(settings_, ratio_);
    int const across = (input.core_px.width + side - 1) / side;
    int const down = (input.core_px.height + side - 1) / side;
    parallel_for(0, across * down, [&](int i) {
      Rect const block{input.core_px.x + i % across * side, input.core_px.y + i / across * side, side, side};
      StarfmBlock(tile, intersect(block, input.core_px)).fuse(output);
    });
  }

 private:
  void observe_row(FusionInput const& input, int date, int band, Rect const& px, ExactSum* sums) const {
    Dn const* const row =
        input.fine.dn.row(date, band, px.y - input.padded_px.y) + (px.x - input.padded_px.x);
    std::int64_t count = 0, sum = 0, squares = 0;
    for (int x = 0; x < px.width; ++x) {
      std::int64_t const value = row[x];
      bool const counts =
          settings_.usda ? value > range_.lowest && value < range_.highest : value != no_data_dn;
      if (!counts) continue;
      count += 1;
      sum += value;
      squares += value * value;
    }
    sums[0] += count;
    sums[1] += sum;
    sums[2] += squares;
  }

  /// Standard deviation of a fine image in a band; NaN without any pixel.
  static double sigma(std::span<ExactSum const> sums, int band) {
    if (sums.empty()) return std::numeric_limits<double>::quiet_NaN();
    ExactSum const* const at = &sums[3 * to_size(band)];
    return population_sigma(at[0], at[1], at[2]);
  }

  /// What decides which pixels of a pair are similar: limits of the scene, or sigma by zones.
  void add_similarity(StarfmTile& tile, Pair const& pair) const {
    std::string const key = statistics_key(pair.date);
    if (settings_.zone_px == 0) {
      auto const sums = statistics_->find(key);
      ensure(!sums.empty(), "STARFM has statistics of every fine scene");
      std::vector<int>& limits = tile.similar_dn.emplace_back();
      for (int band = 0; band < bands_; ++band)
        limits.push_back(starfm_similar_dn(sigma(sums, band), settings_));
      return;
    }
    std::vector<ZoneField>& fields = tile.sigma.emplace_back();
    for (int band = 0; band < bands_; ++band) {
      fields.emplace_back(zones_, tile.input.scene_px, tile.input.core_px, [&](StatZones::Zone zone) {
        return sigma(zones_.sum(*statistics_, key, zone), band);
      });
    }
  }

  StarfmTile make_tile(FusionInput const& input) const {
    StarfmTile tile{.input = input, .settings = settings_, .range = range_, .max_gap_days = max_gap_days_};
    tile.pairs = pairs_in_reach(input, tolerance_days_, max_gap_days_);
    tile.target_coarse = coarse_of_targets(input);
    for (Pair const& pair : tile.pairs) add_similarity(tile, pair);
    for (StarfmThresholds const& thresholds : thresholds_) {
      WeightTables const& weights = weights_.at(thresholds.combined);
      tile.tables.push_back({.reciprocal = reciprocal_.data(),
                             .plateau = weights.plateau.data(),
                             .falloff = weights.falloff.data(),
                             .plateau_t = weights.plateau_t.data(),
                             .plateau_levels = static_cast<int>(weights.plateau_t.size())});
    }
    tile.thresholds = thresholds_;
    return tile;
  }

  StarfmSettings settings_;
  Quantity range_;
  int bands_, ratio_, max_gap_days_, tolerance_days_;
  StatZones zones_;
  ModelInfo info_;
  std::vector<StarfmThresholds> thresholds_;  ///< per band
  std::vector<double> reciprocal_;
  std::map<double, WeightTables> weights_;  ///< by combined uncertainty
  std::optional<Statistics> statistics_;
};

}  // namespace

ModelEntry starfm_entry() {
  return {.summary = "weighted mean of similar neighbours plus coarse change (Gao et al. 2006)",
          .options = starfm_options(),
          .make = [](ModelSettings const& settings) { return std::make_unique<Starfm>(settings); }};
}

}  // namespace stfcube
