#include "stfcube/models/training_patch.hpp"

#include <algorithm>
#include <cstdlib>

#include "stfcube/models/classical/coarse_planes.hpp"

namespace stfcube {
namespace {

constexpr int images_of_patch = 6;

void append_fine(FusionInput const& input, int date, std::vector<Dn>& values) {
  Rect const& core = input.core_px;
  for (int band = 0; band < input.fine.dn.bands(); ++band) {
    for (int y = core.y; y < core.bottom(); ++y) {
      Dn const* const row =
          input.fine.dn.row(date, band, y - input.padded_px.y) + (core.x - input.padded_px.x);
      values.insert(values.end(), row, row + core.width);
    }
  }
}

void append_coarse(FusionInput const& input, CellFrame const& frame, int date, std::vector<Dn>& values) {
  for (int band = 0; band < input.coarse.dn.bands(); ++band) {
    auto const plane = rounded_bilinear_plane(frame, input.coarse.dn.row(date, band, 0), input.core_px);
    values.insert(values.end(), plane.begin(), plane.end());
  }
}

}  // namespace

std::vector<TrainingTriple> training_triples(std::vector<Pair> const& pairs,
                                             std::vector<bool> const& is_target,
                                             std::vector<bool> const& is_reference, int max_gap_days) {
  std::vector<TrainingTriple> triples;
  auto const usable = [&](std::size_t target, std::size_t other) {
    return is_reference[other] && std::abs(pairs[other].date - pairs[target].date) <= max_gap_days;
  };
  for (std::size_t target = 0; target < pairs.size(); ++target) {
    if (!is_target[target]) continue;
    std::optional<Pair> before, after;
    for (std::size_t other = 0; other < target; ++other) {
      if (usable(target, other)) before = pairs[other];
    }
    for (std::size_t other = pairs.size() - 1; other > target; --other) {
      if (usable(target, other)) after = pairs[other];
    }
    if (before) triples.push_back({pairs[target], *before, after});
    if (!before && after) triples.push_back({pairs[target], *after, std::nullopt});
  }
  return triples;
}

std::vector<Dn> training_patch(FusionInput const& input, TrainingTriple const& triple) {
  CellFrame const frame = cell_frame(input);
  std::vector<Dn> values;
  auto const append = [&](Pair const& pair) {
    append_fine(input, pair.fine, values);
    append_coarse(input, frame, pair.coarse, values);
  };
  append(triple.target);
  append(triple.first);
  if (triple.second) append(*triple.second);
  values.resize(values.size() / (triple.second ? 6 : 4) * images_of_patch, no_data_dn);
  return values;
}

double valid_share(std::vector<Dn> const& values, int images) {
  std::size_t const per_image = values.size() / images_of_patch;
  double smallest = 1;
  for (int image = 0; image < images; ++image) {
    auto const first =
        values.begin() + static_cast<std::ptrdiff_t>(per_image * static_cast<std::size_t>(image));
    auto const missing = std::count(first, first + static_cast<std::ptrdiff_t>(per_image), no_data_dn);
    smallest = std::min(smallest, 1 - static_cast<double>(missing) / static_cast<double>(per_image));
  }
  return smallest;
}

}  // namespace stfcube
