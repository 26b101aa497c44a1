#include "stfcube/jobs/training_split.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "stfcube/models/nn/api/counter_random.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr int patches_per_block = 2;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

Rect region_px(std::array<double, 4> const& bounds, Grid const& grid) {
  auto const column = [&](double x) { return (x - grid.x0) / grid.dx; };
  auto const row = [&](double y) { return (grid.y0 - y) / grid.dy; };
  auto const clamped = [](double at, int end) {
    return static_cast<int>(std::clamp(at, 0.0, static_cast<double>(end)));
  };
  int const x = clamped(std::floor(column(bounds[0])), grid.width),
            right = clamped(std::ceil(column(bounds[2])), grid.width);
  int const y = clamped(std::floor(row(bounds[3])), grid.height),
            bottom = clamped(std::ceil(row(bounds[1])), grid.height);
  Rect const px = {x, y, right - x, bottom - y};
  require(!px.empty(), ErrorKind::config,
          fmt::format("train.withheld_regions = {} {} {} {} lies outside the grid ({}).", bounds[0],
                      bounds[1], bounds[2], bounds[3], describe(grid)));
  return px;
}

/// A share of `count` blocks, chosen by the seed: rounded, but at least one and not all of several.
std::vector<bool> chosen_blocks(int count, double share, std::uint64_t seed) {
  std::vector<bool> chosen(to_size(count));
  if (share <= 0 || count < 2) return chosen;
  std::vector<int> order(to_size(count));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](int block) {
    return nn::CounterRandom(seed, 0x626C6F636BULL, static_cast<std::uint64_t>(block)).bits();
  });
  int const wanted = std::clamp(static_cast<int>(std::lround(share * count)), 1, count - 1);
  for (int i = 0; i < wanted; ++i) chosen[to_size(order[to_size(i)])] = true;
  return chosen;
}

}  // namespace

TrainingSplit::TrainingSplit(TrainingSpec const& spec, Grid const& fine_grid, int ratio,
                             std::vector<Pair> pairs, int max_gap_days)
    : spec_(spec),
      grid_(fine_grid),
      ratio_(ratio),
      patch_px_((spec.patch_px + ratio - 1) / ratio * ratio),
      max_gap_days_(max_gap_days),
      pairs_(std::move(pairs)) {
  require(patch_px_ <= grid_.width && patch_px_ <= grid_.height, ErrorKind::config,
          fmt::format("train.patch = {}: patches of {} pixels (whole coarse ones) do not fit a grid of {} x "
                      "{}. Take smaller ones.",
                      spec.patch_px, patch_px_, grid_.width, grid_.height));
  for (Date const date : spec.validation_dates) {
    require(std::ranges::find(pairs_, date, &Pair::date) != pairs_.end(), ErrorKind::config,
            fmt::format("train.validation_dates: the archive has no pair of fine and coarse scenes on {}.",
                        to_string(date)));
  }
  for (Pair const& pair : pairs_) {
    date_withheld_.push_back(std::ranges::find(spec.validation_dates, pair.date) !=
                             spec.validation_dates.end());
  }
  for (auto const& bounds : spec.withheld_regions) regions_.push_back(region_px(bounds, grid_));
  block_px_ = patches_per_block * patch_px_;
  block_columns_ = (grid_.width + block_px_ - 1) / block_px_;
  int const rows = (grid_.height + block_px_ - 1) / block_px_;
  block_withheld_ = chosen_blocks(block_columns_ * rows, spec.validation_share, spec.options.seed);
}

bool TrainingSplit::in_withheld_block(Rect const& px) const {
  for (int row = px.y / block_px_; row * block_px_ < px.bottom(); ++row) {
    for (int column = px.x / block_px_; column * block_px_ < px.right(); ++column) {
      if (block_withheld_[to_size(row * block_columns_ + column)]) return true;
    }
  }
  return false;
}

bool TrainingSplit::is_withheld(Rect const& px) const {
  return in_withheld_block(px) ||
         std::ranges::any_of(regions_, [&](Rect const& region) { return !intersect(region, px).empty(); });
}

bool TrainingSplit::wholly_withheld(Rect const& px) const {
  if (std::ranges::any_of(regions_, [&](Rect const& region) { return region.contains(px); })) return true;
  int const column = px.x / block_px_, row = px.y / block_px_;
  bool const in_one = (px.right() - 1) / block_px_ == column && (px.bottom() - 1) / block_px_ == row;
  return in_one && block_withheld_[to_size(row * block_columns_ + column)];
}

PatchPool TrainingSplit::training() const {
  std::vector<bool> seen(date_withheld_);
  seen.flip();
  return {training_triples(pairs_, seen, seen, max_gap_days_),
          patch_places(grid_, ratio_, patch_px_, [&](Rect const& px) { return !is_withheld(px); })};
}

PatchPool TrainingSplit::withheld_places() const {
  std::vector<bool> seen(date_withheld_);
  seen.flip();
  return {training_triples(pairs_, seen, seen, max_gap_days_),
          patch_places(grid_, ratio_, patch_px_, [&](Rect const& px) { return wholly_withheld(px); })};
}

PatchPool TrainingSplit::withheld_dates() const {
  std::vector<bool> seen(date_withheld_);
  seen.flip();
  return {training_triples(pairs_, date_withheld_, seen, max_gap_days_),
          patch_places(grid_, ratio_, patch_px_, [](Rect const&) { return true; })};
}

}  // namespace stfcube
