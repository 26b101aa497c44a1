#include "stfcube/models/classical/gain.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "stfcube/models/classical/pair_formula.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/stat_zones.hpp"

namespace stfcube {
namespace {

constexpr char const* subject = "gain";

std::vector<OptionSpec> const specs = {
    {"coarse", "bilinear", "how coarse cells become fine pixels: bilinear or nearest"},
};

/// What the slope of a band is made of.
enum Sum : std::size_t { count, coarse_sum, fine_sum, coarse_squares, products, sums };

/// The least-squares slope; 1 where the coarse images do not vary.
double slope(std::span<ExactSum const> of) {
  ExactSum const spread = of[count] * of[coarse_squares] - of[coarse_sum] * of[coarse_sum];
  ExactSum const common = of[count] * of[products] - of[coarse_sum] * of[fine_sum];
  return spread == 0 ? 1.0 : static_cast<double>(common) / static_cast<double>(spread);
}

class Gain final : public PairFormula {
 public:
  explicit Gain(ModelSettings const& settings)
      : PairFormula(settings,
                    {.name = "gain",
                     .title = "Fine image plus a gain times the coarse change",
                     .citation = "stfcube documentation, docs/methods/gain.md; after Emelyanova et al. 2013, "
                                 "doi:10.1016/j.rse.2013.02.007",
                     .support = {}},
                    ModelOptions("gain", specs, settings.options).choice("coarse", {"bilinear", "nearest"}) ==
                        "bilinear"),
        bands_(static_cast<int>(settings.bands.size())),
        zones_(settings.zone_px) {}

  bool wants_statistics() const override { return !statistics_.has_value(); }

  void observe(FusionInput const& input, Statistics& statistics) const override {
    for (auto const& piece : zones_.pieces(subject, input.core_px)) {
      auto const row = statistics.row(piece.name, sums * static_cast<std::size_t>(bands_));
      for (int band = 0; band < bands_; ++band)
        observe_piece(input, piece.px, band, row.subspan(sums * static_cast<std::size_t>(band), sums));
    }
  }

  void prepare(Statistics const& statistics) override { statistics_ = statistics; }

 private:
  static void observe_piece(FusionInput const& input, Rect const& px, int band, std::span<ExactSum> to) {
    std::array<std::int64_t, sums> total{};
    for (int y = px.y; y < px.bottom(); ++y) {
      Dn const* const fine = input.fine.dn.row(0, band, y - input.padded_px.y) - input.padded_px.x;
      Dn const* const coarse = input.coarse.dn.row(0, band, y / input.ratio - input.cells.y);
      for (int x = px.x; x < px.right(); ++x) {
        std::int64_t const f = fine[x], c = coarse[x / input.ratio - input.cells.x];
        if (f == no_data_dn || c == no_data_dn) continue;
        total[count] += 1;
        total[coarse_sum] += c;
        total[fine_sum] += f;
        total[coarse_squares] += c * c;
        total[products] += c * f;
      }
    }
    for (std::size_t i = 0; i < sums; ++i) to[i] += total[i];
  }

  Formula formula(FusionInput const& input) const override {
    std::vector<ZoneField> gains;
    for (int band = 0; band < bands_; ++band) {
      gains.emplace_back(zones_, input.scene_px, input.core_px, [&](StatZones::Zone zone) {
        auto const row = zones_.sum(*statistics_, subject, zone);
        if (row.empty()) return std::numeric_limits<double>::quiet_NaN();
        return slope(std::span(row).subspan(sums * static_cast<std::size_t>(band), sums));
      });
    }
    return [this, gains = std::move(gains)](int band, Observations const& observed) {
      double const found = gains[static_cast<std::size_t>(band)].at(observed.x, observed.y);
      double const gain = std::isnan(found) ? 1.0 : found;
      double const change = gain * (observed.target_coarse - observed.pair_coarse);
      return Estimate{observed.fine + change,
                      prediction_sigma(std::sqrt(1 + 2 * gain * gain) * sensor(band), 0, change)};
    };
  }

  int bands_;
  StatZones zones_;
  std::optional<Statistics> statistics_;
};

}  // namespace

ModelEntry gain_entry() {
  return {.summary = "fine image plus the coarse change times a gain from a regression over all pairs",
          .options = specs,
          .make = [](ModelSettings const& settings) { return std::make_unique<Gain>(settings); }};
}

}  // namespace stfcube
