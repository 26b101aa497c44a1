#include "stfcube/models/pair_residuals.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/place_hash.hpp"

namespace stfcube {
namespace {

constexpr int steps_per_one = 64;  // of the tallied ratios
constexpr std::int64_t largest_step = 64 * steps_per_one;
constexpr double one_sigma_share = 0.683;
constexpr double smallest_scale = 0.5;
constexpr int block_px = 256;  // about: whole cells
constexpr std::int64_t sample_px = 1 << 22;

std::string key(std::size_t band) {
  return fmt::format("pair residuals/{}", band);
}

}  // namespace

PairResiduals::PairResiduals(std::vector<std::string> const& bands) {
  for (std::string const& band : bands) noise_.push_back(std::sqrt(3.0) * observation_uncertainty_dn(band));
}

std::vector<Rect> PairResiduals::parts(Rect const& scene_px, int ratio, Rect const& core_px) const {
  auto const one_in = static_cast<std::uint32_t>(scene_px.area() / sample_px + 1);
  if (one_in == 1) return {core_px};
  int const side = (block_px + ratio - 1) / ratio * ratio;
  std::vector<Rect> parts;
  for (int row = core_px.y / side; row * side < core_px.bottom(); ++row) {
    for (int column = core_px.x / side; column * side < core_px.right(); ++column) {
      if (place_hash(column, row) % one_in == 0)
        parts.push_back(intersect(core_px, {column * side, row * side, side, side}));
    }
  }
  return parts;
}

void PairResiduals::observe(FusionInput const& input, Statistics& statistics) const {
  auto const& fine = input.fine.dn;
  auto const& coarse = input.coarse.dn;
  auto const coarse_index = [&](int date) {
    // The pair's coarse date is the nearest one at hand.
    auto const& dates = input.coarse.dates;
    auto const nearest = std::ranges::min_element(
        dates, {}, [&](Date d) { return std::abs(d - input.fine.dates[static_cast<std::size_t>(date)]); });
    return static_cast<int>(nearest - dates.begin());
  };
  int const c0 = coarse_index(0), c1 = coarse_index(1);
  for (std::size_t b = 0; b < noise_.size(); ++b) {
    int const band = static_cast<int>(b);
    Tally& tally = statistics.tally(key(b));
    std::vector<std::int64_t> counts(static_cast<std::size_t>(largest_step) + 1);
    for (int y = 0; y < fine.rows(); ++y) {
      int const cell_row = (input.core_px.y + y) / input.ratio - input.cells.y;
      Dn const* const first = fine.row(0, band, y);
      Dn const* const second = fine.row(1, band, y);
      Dn const* const coarse_first = coarse.row(c0, band, cell_row);
      Dn const* const coarse_second = coarse.row(c1, band, cell_row);
      for (int x = 0; x < fine.cols(); ++x) {
        int const cell = (input.core_px.x + x) / input.ratio - input.cells.x;
        if (first[x] == no_data_dn || second[x] == no_data_dn || coarse_first[cell] == no_data_dn ||
            coarse_second[cell] == no_data_dn) {
          continue;
        }
        int const change = coarse_second[cell] - coarse_first[cell];
        int const residual = std::abs(second[x] - first[x] - change);
        double const steps = steps_per_one * residual / prediction_sigma(noise_[b], 0, change);
        ++counts[static_cast<std::size_t>(std::min(steps, static_cast<double>(largest_step)))];
      }
    }
    for (std::size_t step = 0; step < counts.size(); ++step) {
      if (counts[step] > 0) tally[static_cast<std::int64_t>(step)] += counts[step];
    }
  }
}

void PairResiduals::prepare(Statistics const& statistics) {
  for (std::size_t b = 0; b < noise_.size(); ++b) {
    Tally const& tally = statistics.find_tally(key(b));
    double const scale = tally.empty()
                             ? usual_uncertainty_scale
                             : (static_cast<double>(quantile(tally, one_sigma_share)) + 0.5) / steps_per_one;
    scales_.push_back(std::max(scale, smallest_scale));
  }
}

}  // namespace stfcube
