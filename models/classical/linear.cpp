#include "stfcube/models/classical/linear.hpp"

#include <algorithm>
#include <cmath>

#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

/// The first observation in `order` that is valid at a pixel of the padded rectangle; -1 when there is none.
int first_valid(Stack<Dn> const& fine, std::vector<int> const& order, int y, int x) {
  auto const found =
      std::ranges::find_if(order, [&](int date) { return fine.at(date, 0, y, x) != no_data_dn; });
  return found == order.end() ? -1 : *found;
}

/// The observations on both sides of a target and their weights in whole days: weight / span.
struct Bracket {
  int before = 0, after = 0;  ///< the same when there is only one
  int weight_before = 1, weight_after = 0, span = 1;
  bool extrapolated = false;
};

std::optional<Bracket> bracket(std::vector<Date> const& dates, int before, int after, Date target) {
  auto const day = [&](int date) { return dates[static_cast<std::size_t>(date)]; };
  if (before < 0 && after < 0) return std::nullopt;
  if (before < 0) return Bracket{.before = after, .after = after, .extrapolated = true};
  if (after < 0) return Bracket{.before = before, .after = before, .extrapolated = day(before) != target};
  return Bracket{before, after, day(after) - target, target - day(before), day(after) - day(before), false};
}

}  // namespace

LinearModel::LinearModel(ModelSettings const& settings)
    : info_{.name = "linear",
            .title = "Linear interpolation in time",
            .citation = "Emelyanova et al. 2013, doi:10.1016/j.rse.2013.02.007",
            .pairs_needed = 0,
            .needs_coarse = false,
            .support = {}},
      range_(settings.quantity),
      max_gap_days_(settings.max_pair_gap_days) {
  for (auto const& band : settings.bands) sigma_fine_.push_back(observation_uncertainty_dn(band));
}

ModelEntry LinearModel::entry() {
  return {.summary = "linear interpolation in time between fine observations; no coarse images",
          .options = {},
          .make = [](ModelSettings const& settings) { return std::make_unique<LinearModel>(settings); }};
}

std::size_t LinearModel::memory_bytes(TileShape const& shape, int) const {
  return sizeof(int) * static_cast<std::size_t>(shape.targets) * static_cast<std::size_t>(shape.fine_dates);
}

std::vector<PairOrder> LinearModel::orders(FusionInput const& input) const {
  std::vector<PairOrder> orders;
  for (Date const target : input.targets)
    orders.push_back(date_order(input.fine.dates, target, max_gap_days_));
  return orders;
}

void LinearModel::fuse(FusionInput const& input, FusionOutput& output) const {
  auto const order = orders(input);
  parallel_for(0, input.core_px.height, [&](int row) {
    for (int target = 0; target < output.dn.dates(); ++target) {
      for (int col = 0; col < input.core_px.width; ++col) {
        auto const flags = predict(input, order[static_cast<std::size_t>(target)], target, row, col, output);
        if (flags) output.quality.at(target, 0, row, col) = *flags | quality::fused;
      }
    }
  });
}

std::optional<quality::Flags> LinearModel::predict(FusionInput const& input, PairOrder const& order,
                                                   int target, int row, int col, FusionOutput& output) const {
  Stack<Dn> const& fine = input.fine.dn;
  int const y = input.core_px.y + row - input.padded_px.y;
  int const x = input.core_px.x + col - input.padded_px.x;
  auto const found =
      bracket(input.fine.dates, first_valid(fine, order.before, y, x), first_valid(fine, order.after, y, x),
              input.targets[static_cast<std::size_t>(target)]);
  if (!found) return std::nullopt;
  auto const& [before, after, weight_before, weight_after, span, extrapolated] = *found;

  double const share_before = static_cast<double>(weight_before) / span;
  double const share_after = static_cast<double>(weight_after) / span;
  double const shares_squared = share_before * share_before + share_after * share_after;
  quality::Flags flags = extrapolated ? quality::low_confidence | quality::extrapolated : 0;
  for (int band = 0; band < fine.bands(); ++band) {
    int const first = fine.at(before, band, y, x);
    int const second = fine.at(after, band, y, x);
    // Whole days and whole DN: the prediction is one exact quotient.
    std::int64_t const numerator = std::int64_t{first} * weight_before + std::int64_t{second} * weight_after;
    double const sensor = sigma_fine_[static_cast<std::size_t>(band)];
    double const change = (second - first) * std::min(share_before, share_after);
    double const sigma = std::sqrt(shares_squared * sensor * sensor + change * change);
    flags |= put(output, range_, target, band, row, col, static_cast<double>(numerator) / span, sigma);
  }
  return flags;
}

}  // namespace stfcube
