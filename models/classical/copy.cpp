#include "stfcube/models/classical/copy.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "stfcube/models/classical/pair_pixels.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

std::vector<OptionSpec> const specs = {
    {"best", "false",
     "of the nearest valid pairs before and after, take the one with the smaller coarse change at the pixel"},
};

class Copy final : public FusionModel {
 public:
  explicit Copy(ModelSettings const& settings)
      : best_(ModelOptions("copy", specs, settings.options).flag("best")),
        choice_{.most_pairs = 2,
                .tolerance_days = settings.pair_tolerance_days,
                .max_gap_days = settings.max_pair_gap_days},
        range_(settings.quantity),
        info_{.name = "copy",
              .title = "The nearest fine image",
              .citation = "stfcube documentation, docs/methods/copy.md",
              .pairs_needed = 0,
              .needs_coarse = best_,
              .support = {.halo_cells = best_ ? 1 : 0}} {
    for (auto const& band : settings.bands) sensor_.push_back(observation_uncertainty_dn(band));
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    return PairPixels::Row::bytes(shape) * static_cast<std::size_t>(threads + 1);
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    std::vector<PairOrder> orders;
    for (Date const target : input.targets)
      orders.push_back(date_order(input.fine.dates, target, choice_.max_gap_days));
    parallel_for(0, input.core_px.height, [&](int row) {
      for (int t = 0; t < output.dn.dates(); ++t) {
        for (int col = 0; col < input.core_px.width; ++col)
          copy_nearest(input, orders[static_cast<std::size_t>(t)], t, row, col, output);
      }
    });
    if (!best_) return;
    PairPixels const pixels(input, choice_);
    parallel_for(0, input.core_px.height, [&](int row) { copy_best(input, pixels, row, output); });
  }

 private:
  /// The valid fine observation nearest in time; of two the earlier one.
  void copy_nearest(FusionInput const& input, PairOrder const& order, int target, int row, int col,
                    FusionOutput& output) const {
    int const y = input.core_px.y + row - input.padded_px.y, x = input.core_px.x + col - input.padded_px.x;
    auto const first_valid = [&](std::vector<int> const& dates) {
      auto const found = std::ranges::find_if(
          dates, [&](int date) { return input.fine.dn.at(date, 0, y, x) != no_data_dn; });
      return found == dates.end() ? -1 : *found;
    };
    int const before = first_valid(order.before), after = first_valid(order.after);
    if (before < 0 && after < 0) return;
    auto const days = [&](int date) {
      return std::abs(input.fine.dates[static_cast<std::size_t>(date)] -
                      input.targets[static_cast<std::size_t>(target)]);
    };
    bool const earlier = after < 0 || (before >= 0 && days(before) <= days(after));
    int const nearest = earlier ? before : after, other = earlier ? after : before;
    quality::Flags flags = quality::fused;
    if (other < 0 && days(nearest) > 0) flags |= quality::extrapolated | quality::low_confidence;
    // On the straight line between the two observations the copy is off by this share of their difference.
    double const share = other < 0 ? 0.0 : static_cast<double>(days(nearest)) / (days(nearest) + days(other));
    for (int band = 0; band < output.dn.bands(); ++band) {
      double const value = input.fine.dn.at(nearest, band, y, x);
      double const change = other < 0 ? 0.0 : share * (input.fine.dn.at(other, band, y, x) - value);
      flags |= put(output, range_, target, band, row, col, value,
                   std::hypot(sensor_[static_cast<std::size_t>(band)], change));
    }
    output.quality.at(target, 0, row, col) = flags;
  }

  /// Replaces what copy_nearest wrote where there are two pairs and a coarse image of the target.
  void copy_best(FusionInput const& input, PairPixels const& pixels, int row, FusionOutput& output) const {
    PairPixels::Row pixel_row(pixels, row);
    for (int col = 0; col < input.core_px.width; ++col) {
      for (PairRun const& run : pixel_row.runs(col)) {
        for (int t = run.first; t < run.last; ++t) {
          int const coarse = pixels.target_coarse()[static_cast<std::size_t>(t)];
          if (coarse < 0 || !pixel_row.coarse(coarse, 0, col).valid()) continue;
          put_best(pixels, pixel_row, run, t, input.targets[static_cast<std::size_t>(t)], coarse, row, col,
                   output);
        }
      }
    }
  }

  void put_best(PairPixels const& pixels, PairPixels::Row const& pixel_row, PairRun const& run, int target,
                Date target_date, int coarse, int row, int col, FusionOutput& output) const {
    Pair const* best = nullptr;
    double least = 0;
    for (int k = 0; k < run.pairs; ++k) {
      Pair const& pair = pixels.pairs()[static_cast<std::size_t>(run.pair[static_cast<std::size_t>(k)])];
      double total = 0;
      for (int band = 0; band < output.dn.bands(); ++band)
        total += std::abs(pixel_row.change(pair.coarse, coarse, band, col));
      if (best != nullptr && total >= least) continue;
      best = &pair;
      least = total;
    }
    quality::Flags flags =
        static_cast<quality::Flags>(fused_flags(run, pixels.pairs(), target_date) |
                                    pixel_row.masked(coarse, col) | pixel_row.masked(best->coarse, col));
    for (int band = 0; band < output.dn.bands(); ++band) {
      // The copy leaves the whole coarse change out.
      double const change = pixel_row.change(best->coarse, coarse, band, col);
      flags |= put(output, range_, target, band, row, col, pixel_row.fine(*best, band, col),
                   std::hypot(sensor_[static_cast<std::size_t>(band)], change));
    }
    output.quality.at(target, 0, row, col) = flags;
  }

  bool best_;
  PairChoice choice_;
  Quantity range_;
  std::vector<double> sensor_;  ///< per band, DN
  ModelInfo info_;
};

}  // namespace

ModelEntry copy_entry() {
  return {.summary = "the nearest fine image as it is; the floor of all methods",
          .options = specs,
          .make = [](ModelSettings const& settings) { return std::make_unique<Copy>(settings); }};
}

}  // namespace stfcube
