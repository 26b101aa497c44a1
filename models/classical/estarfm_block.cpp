#include "stfcube/models/classical/estarfm_block.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "stfcube/models/classical/window_sums.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

Rect scene_part(EstarfmTile const& tile, Rect const& core_px) {
  return intersect(grow(core_px, tile.settings.half()), tile.input.scene_px);
}

}  // namespace

void EstarfmTile::similar_limits(int pair, int x, int y, double* limits) const {
  auto const& by_zone = sigma[to_size(pair)];
  double const factor = settings.unbiased ? 1.0 : 2.0 / settings.classes;
  int const bands = static_cast<int>(settings.sigma.size());
  auto const mixture = zones.at(input.scene_px, x, y);
  for (int b = 0; b < bands; ++b) {
    double sum = 0, weight = 0;
    for (std::size_t i = 0; i < mixture.zones.size(); ++i) {
      if (mixture.weights[i] == 0) continue;
      double const value = by_zone.at(mixture.zones[i])[to_size(b)];
      if (std::isnan(value)) continue;
      sum += mixture.weights[i] * value;
      weight += mixture.weights[i];
    }
    limits[b] = weight > 0 ? factor * (sum / weight) : 0;
  }
}

int EstarfmBlock::side(int targets) {
  return targets <= 8 ? 64 : 32;
}

std::size_t EstarfmBlock::bytes(EstarfmSettings const& settings, TileShape const& shape, int pairs) {
  int const raster_side = side(shape.targets) + settings.window - 1;
  std::size_t const raster = to_size(raster_side) * to_size(raster_side);
  std::size_t const masks = raster * to_size(pairs + shape.targets + 2);
  std::size_t const pixels = to_size(side(shape.targets)) * to_size(side(shape.targets));
  return masks + AlignedArray<double>::bytes_for(raster) + pixels * sizeof(void*) + 4096 +
         EstarfmEnsemble::bytes(raster_side, raster_side, shape.bands, shape.targets, settings.window);
}

EstarfmBlock::EstarfmBlock(EstarfmTile const& tile, Rect const& core_px)
    : tile_(tile),
      core_px_(core_px),
      raster_px_(grow(core_px, tile.settings.half())),
      inside_px_(scene_part(tile, core_px)),
      frame_(cell_frame(tile.input)),
      coarse_rows_(frame_, inside_px_,
                   tile.settings.bilinear ? RoundedRows::Kernel::bilinear : RoundedRows::Kernel::nearest),
      distance_(to_size(raster_px_.width) * to_size(tile.settings.window)),
      planner_(tile.pairs, tile.input.targets, 2, tile.max_gap_days) {
  int const half = tile.settings.half();
  for (int r = 0; r < tile.settings.window; ++r) {
    for (int c = 0; c < raster_px_.width; ++c) {
      double const dx = c - half, dy = r - half;
      distance_[to_size(r * raster_px_.width + c)] =
          1.0 + std::sqrt(dx * dx + dy * dy) / tile.settings.distance_px();
    }
  }
  find_valid();
  find_runs();
}

bool EstarfmBlock::is_complete(int coarse_date) const {
  return RoundedRows::complete(frame_, tile_.input.coarse.dn.row(coarse_date, 0, 0));
}

/// Where a coarse image has values: in all bands or in none.
EstarfmBlock::Mask EstarfmBlock::coarse_mask(int date) {
  Mask mask(static_cast<std::size_t>(raster_px_.area()), 0);
  bool const complete = is_complete(date);
  std::vector<Dn> values(to_size(inside_px_.width), 0);
  for (int y = inside_px_.y; y < inside_px_.bottom(); ++y) {
    if (!complete) coarse_rows_.row(tile_.input.coarse.dn.row(date, 0, 0), y, values.data());
    auto* const to = &mask[to_size((y - raster_px_.y) * raster_px_.width + inside_px_.x - raster_px_.x)];
    for (std::size_t i = 0; i < values.size(); ++i) to[i] = values[i] != no_data_dn;
  }
  return mask;
}

void EstarfmBlock::find_valid() {
  FusionInput const& input = tile_.input;
  for (Pair const& pair : tile_.pairs) {
    Mask& mask = pair_valid_.emplace_back(coarse_mask(pair.coarse));
    for (int y = inside_px_.y; y < inside_px_.bottom(); ++y) {
      Dn const* const fine =
          input.fine.dn.row(pair.fine, 0, y - input.padded_px.y) + (inside_px_.x - input.padded_px.x);
      auto* const to = &mask[to_size((y - raster_px_.y) * raster_px_.width + inside_px_.x - raster_px_.x)];
      for (std::size_t i = 0; i < to_size(inside_px_.width); ++i) to[i] &= fine[i] != no_data_dn;
    }
  }
  for (std::size_t t = 0; t < input.targets.size(); ++t) {
    if (tile_.target_coarse[t] < 0) continue;
    Mask mask = coarse_mask(tile_.target_coarse[t]);
    auto known = std::ranges::find(coverages_, mask, &Coverage::mask);
    if (known == coverages_.end()) known = coverages_.insert(known, Coverage{std::move(mask), {}});
    known->targets.push_back(static_cast<int>(t));
  }
}

void EstarfmBlock::find_runs() {
  std::vector<bool> usable(tile_.pairs.size()), last;
  std::vector<PairRun> const* runs = nullptr;
  int const half = tile_.settings.half();
  for (int y = 0; y < core_px_.height; ++y) {
    for (int x = 0; x < core_px_.width; ++x) {
      std::size_t const at = to_size((y + half) * raster_px_.width + x + half);
      for (std::size_t p = 0; p < usable.size(); ++p) usable[p] = pair_valid_[p][at] != 0;
      if (runs == nullptr || usable != last) runs = &planner_.runs(usable);
      last = usable;
      runs_.push_back(runs);
    }
  }
}

PairRun const* EstarfmBlock::run_at(int x, int y, int first, int second) const {
  for (PairRun const& run : *runs_[to_size(y * core_px_.width + x)]) {
    if (run.pairs == 2 && run.pair[0] == first && run.pair[1] == second) return &run;
  }
  return nullptr;
}

void EstarfmBlock::fuse(FusionOutput& output) {
  std::map<std::array<int, 2>, std::set<int>> wanted;  // targets by pairs
  std::set<std::vector<PairRun> const*> const plans(runs_.begin(), runs_.end());
  for (std::vector<PairRun> const* const plan : plans) {
    for (PairRun const& run : *plan) {
      for (int t = run.first; run.pairs == 2 && t < run.last; ++t) wanted[run.pair].insert(t);
    }
  }
  for (auto const& [pairs, targets] : wanted) {
    for (auto const& [coverage, covered] : coverages_) {
      std::vector<int> common;
      std::ranges::set_intersection(covered, targets, std::back_inserter(common));
      if (common.empty()) continue;
      Mask valid = coverage;
      for (std::size_t i = 0; i < valid.size(); ++i)
        valid[i] &= pair_valid_[to_size(pairs[0])][i] & pair_valid_[to_size(pairs[1])][i];
      EstarfmEnsemble(*this, pairs, std::move(common), std::move(valid)).fuse(output);
    }
  }
}

}  // namespace stfcube
