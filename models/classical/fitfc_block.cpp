#include "stfcube/models/classical/fitfc_block.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stfcube/models/classical/coarse_fit.hpp"
#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/classical/uncertainty.hpp"

namespace stfcube {
namespace {

constexpr auto columns = static_cast<std::size_t>(SimilarSearch::columns);
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

std::size_t FitFcBlock::bytes(FitFcSettings const& settings, int ratio, int bands, int pairs, int targets) {
  int const side = SimilarSearch::largest_side, raster_side = side + 2 * settings.window.half_px;
  std::size_t const raster = to_size(raster_side) * to_size(raster_side),
                    pixels = to_size(side) * to_size(side);
  std::size_t const cell_side = to_size(ColumnCells::most_cells(raster_side, ratio));
  std::size_t const cells = cell_side * cell_side;
  std::size_t const compared = settings.similarity_bands.size();
  std::size_t const wide_planes = compared * raster * sizeof(double);
  std::size_t const patterns = to_size(targets) * (cells / 8 + 256);
  std::size_t const plans = to_size(targets) * to_size(pairs + 2) * 128;
  return SimilarSearch::bytes(settings.window, side, side, static_cast<int>(compared)) + wide_planes +
         SimilarLists::bytes(side * side, settings.window.wanted) + ColumnCells::bytes(raster_side, ratio) +
         raster * (to_size(bands) * sizeof(Dn) + 2) + pixels * (sizeof(int) + 1) +
         cells * (2 * columns * sizeof(double) + 1) + AlignedArray<double>::bytes_for(raster * columns) +
         to_size(side) * sizeof(SimilarSearch::Means) + to_size(raster_side) * columns * sizeof(double) +
         patterns + plans;
}

FitFcBlock::FitFcBlock(FitFcTile const& tile, Rect const& core_px)
    : tile_(tile),
      core_px_(core_px),
      raster_px_(grow(core_px, tile.settings.window.half_px)),
      bands_(tile.input.fine.dn.bands()),
      search_(tile.settings.window, core_px.width, core_px.height),
      lists_(core_px.width * core_px.height, tile.settings.window.wanted),
      cells_(intersect(raster_px_, tile.input.scene_px), tile.input.ratio, cell_frame(tile.input).scene),
      planner_(tile.pairs, tile.input.targets, 1, tile.max_gap_days),
      fine_(to_size(bands_)),
      fine_valid_(search_.raster_size()),
      usable_(search_.raster_size()),
      asked_(static_cast<std::size_t>(core_px.area())),
      slope_(cells_.count() * columns),
      offset_(cells_.count() * columns),
      partial_(cells_.count()),
      images_(search_.raster_size() * columns),
      means_(to_size(core_px.width)) {
  for (auto& plane : fine_) plane.resize(search_.raster_size());
  make_plans();
}

bool FitFcBlock::in_scene(int x, int y) const {
  Rect const& scene = tile_.input.scene_px;
  return scene.contains({raster_px_.x + x, raster_px_.y + y, 1, 1});
}

/// Which held cell raster pixel (x, y) lies in.
std::size_t FitFcBlock::cell_of(int x, int y) const {
  return cells_.cell((raster_px_.x + x) / tile_.input.ratio, (raster_px_.y + y) / tile_.input.ratio);
}

Dn FitFcBlock::coarse(int date, int band, int column, int row) const {
  Rect const& held = tile_.input.cells;
  return tile_.input.coarse.dn.at(date, band, row - held.y, column - held.x);
}

CoarseFit FitFcBlock::fit(int pair, int target, int band, int column, int row) const {
  auto const& series = tile_.input.coarse.dn;
  return fit_around(tile_.settings, tile_.input.cells, series.row(tile_.pairs[to_size(pair)].coarse, band, 0),
                    series.row(tile_.target_coarse[to_size(target)], band, 0), column, row);
}

/// True when a cell can be predicted from a pair: it, or with `borrow` one of the regression's window, is
/// valid in both images. @param coarse_date  -1: whatever the target
bool FitFcBlock::predictable(int pair, int coarse_date, int column, int row) const {
  int const before = tile_.pairs[to_size(pair)].coarse;
  int const r = tile_.settings.borrow ? tile_.settings.regression : 0;
  Rect const window = intersect(tile_.input.cells, {column - r, row - r, 2 * r + 1, 2 * r + 1});
  for (int y = window.y; y < window.bottom(); ++y) {
    for (int x = window.x; x < window.right(); ++x) {
      if (coarse(before, 0, x, y) != no_data_dn &&
          (coarse_date < 0 || coarse(coarse_date, 0, x, y) != no_data_dn))
        return true;
    }
  }
  return false;
}

/// Which pair each target uses at each pixel; the same for all bands.
void FitFcBlock::make_plans() {
  FusionInput const& input = tile_.input;
  Rect const& padded = input.padded_px;
  std::vector<std::vector<bool>> predictable_cells(tile_.pairs.size());
  Rect const& cells = cells_.cells();
  for (int p = 0; p < static_cast<int>(tile_.pairs.size()); ++p) {
    for (int row = cells.y; row < cells.bottom(); ++row) {
      for (int column = cells.x; column < cells.right(); ++column)
        predictable_cells[to_size(p)].push_back(predictable(p, -1, column, row));
    }
  }
  std::vector<bool> usable(tile_.pairs.size()), last;
  int number = -1;
  int const h = tile_.settings.window.half_px;
  for (int y = 0; y < core_px_.height; ++y) {
    for (int x = 0; x < core_px_.width; ++x) {
      std::size_t const cell = cell_of(x + h, y + h);
      for (std::size_t p = 0; p < usable.size(); ++p) {
        usable[p] =
            predictable_cells[p][cell] && input.fine.dn.at(tile_.pairs[p].fine, 0, core_px_.y + y - padded.y,
                                                           core_px_.x + x - padded.x) != no_data_dn;
      }
      if (number < 0 || usable != last) {
        auto const& runs = planner_.runs(usable);
        number = plan_numbers_.try_emplace(&runs, static_cast<int>(plans_.size())).first->second;
        if (number == static_cast<int>(plans_.size())) {
          Plan& plan = plans_.emplace_back(input.targets.size(), -1);
          for (PairRun const& run : runs)
            std::fill(plan.begin() + run.first, plan.begin() + run.last, run.pair[0]);
        }
        last = usable;
      }
      plan_of_.push_back(number);
    }
  }
}

void FitFcBlock::load_fine(Pair const& pair) {
  FusionInput const& input = tile_.input;
  Rect const inside = intersect(raster_px_, input.scene_px);
  std::ranges::fill(fine_valid_, std::uint8_t{0});
  for (int band = 0; band < bands_; ++band) {
    auto& plane = fine_[to_size(band)];
    std::ranges::fill(plane, Dn{0});
    for (int y = inside.y; y < inside.bottom(); ++y) {
      Dn const* const from =
          input.fine.dn.row(pair.fine, band, y - input.padded_px.y) + (inside.x - input.padded_px.x);
      std::size_t const first = search_.window_at(inside.x - raster_px_.x, y - raster_px_.y);
      std::copy_n(from, inside.width, plane.begin() + static_cast<std::ptrdiff_t>(first));
      if (band > 0) continue;
      for (std::size_t i = 0; i < to_size(inside.width); ++i) fine_valid_[first + i] = from[i] != no_data_dn;
    }
  }
}

FitFcBlock::Pattern FitFcBlock::pattern(int pair, int target) const {
  Rect const& cells = cells_.cells();
  Pattern pattern;
  pattern.reserve(cells_.count());
  for (int row = cells.y; row < cells.bottom(); ++row) {
    for (int column = cells.x; column < cells.right(); ++column)
      pattern.push_back(predictable(pair, tile_.target_coarse[to_size(target)], column, row));
  }
  return pattern;
}

void FitFcBlock::fuse(FusionOutput& output) {
  for (int p = 0; p < static_cast<int>(tile_.pairs.size()); ++p) {
    std::map<Pattern, std::vector<int>> groups;
    for (int t = 0; t < static_cast<int>(tile_.input.targets.size()); ++t) {
      bool const used = std::ranges::any_of(plans_, [&](Plan const& plan) { return plan[to_size(t)] == p; });
      if (used && tile_.target_coarse[to_size(t)] >= 0) groups[pattern(p, t)].push_back(t);
    }
    if (groups.empty()) continue;
    load_fine(tile_.pairs[to_size(p)]);
    for (auto const& [cells, targets] : groups) fuse_group(p, cells, targets, output);
  }
}

/// Predicts targets that see the same cells.
void FitFcBlock::fuse_group(int pair, Pattern const& pattern, std::vector<int> const& targets,
                            FusionOutput& output) {
  for (int y = 0; y < raster_px_.height; ++y) {
    for (int x = 0; x < raster_px_.width; ++x) {
      std::size_t const i = search_.window_at(x, y);
      usable_[i] = fine_valid_[i] != 0 && in_scene(x, y) && pattern[cell_of(x, y)];
    }
  }
  bool any = false;
  for (int y = 0; y < core_px_.height; ++y) {
    for (int x = 0; x < core_px_.width; ++x) {
      std::size_t const pixel = to_size(y * core_px_.width + x);
      Plan const& plan = plans_[to_size(plan_of_[pixel])];
      bool const planned = std::ranges::any_of(targets, [&](int t) { return plan[to_size(t)] == pair; });
      asked_[pixel] = planned && usable_[search_.window_at(x, y) + search_.centre()] != 0;
      any = any || asked_[pixel] != 0;
    }
  }
  if (!any) return;
  if (tile_.settings.result != FitFcSettings::Result::regression) {
    std::vector<Dn const*> planes;
    for (int const band : tile_.settings.similarity_bands) planes.push_back(fine_[to_size(band)].data());
    search_.compare(planes, usable_, SimilarSearch::Measure::squares);
    search_.find(asked_, lists_);
  }
  std::size_t const together = std::max<std::size_t>(1, columns / to_size(bands_));
  for (std::size_t first = 0; first < targets.size(); first += together) {
    std::vector<int> const some(
        targets.begin() + static_cast<std::ptrdiff_t>(first),
        targets.begin() + static_cast<std::ptrdiff_t>(std::min(targets.size(), first + together)));
    for (int band = 0; band < bands_; band += SimilarSearch::columns) {
      int const bands = std::min(SimilarSearch::columns, bands_ - band);
      fit_columns(pair, some, band, bands);
      fill_images(band, bands);
      for (int y = 0; y < core_px_.height; ++y) write_row(pair, y, some, band, bands, output);
    }
  }
}

/// Regressions and residuals of the columns: bands side by side, targets one after the other.
void FitFcBlock::fit_columns(int pair, std::vector<int> const& targets, int first_band, int bands) {
  Rect const& cells = cells_.cells();
  Pair const& dates = tile_.pairs[to_size(pair)];
  bool const with_residual = tile_.settings.result == FitFcSettings::Result::complete;
  int const r = tile_.settings.regression;
  Rect const scene = cell_frame(tile_.input).scene;
  double* const residuals = cells_.values();
  for (int row = cells.y; row < cells.bottom(); ++row) {
    for (int column = cells.x; column < cells.right(); ++column) {
      std::size_t const cell = cells_.cell(column, row);
      auto const all = intersect(scene, {column - r, row - r, 2 * r + 1, 2 * r + 1}).area();
      std::size_t c = cell * columns;
      for (int const target : targets) {
        int const now = tile_.target_coarse[to_size(target)];
        bool const valid =
            coarse(dates.coarse, 0, column, row) != no_data_dn && coarse(now, 0, column, row) != no_data_dn;
        bool const usable = predictable(pair, now, column, row);
        for (int band = first_band; band < first_band + bands; ++band, ++c) {
          slope_[c] = offset_[c] = residuals[c] = nan;
          if (!usable) continue;
          CoarseFit const line = fit(pair, target, band, column, row);
          slope_[c] = line.slope;
          offset_[c] = line.offset;
          partial_[cell] = line.count < all;
          residuals[c] = 0;
          if (!valid || !with_residual) continue;
          double const before = coarse(dates.coarse, band, column, row),
                       after = coarse(now, band, column, row);
          residuals[c] = after - line.slope * before - line.offset;
        }
      }
    }
  }
}

/// The moved fine images with the residual: what is averaged over similar pixels.
void FitFcBlock::fill_images(int first_band, int bands) {
  Rect const inside = intersect(raster_px_, tile_.input.scene_px);
  int const ratio = tile_.input.ratio;
  std::array<Dn const*, columns> fine;
  for (std::size_t c = 0; c < columns; ++c) fine[c] = fine_[to_size(first_band) + c % to_size(bands)].data();
  for (int y = inside.y; y < inside.bottom(); ++y) {
    std::size_t const first = search_.window_at(inside.x - raster_px_.x, y - raster_px_.y);
    double* to = images_.data() + first * columns;
    cells_.row(y - inside.y, to);
    for (int x = inside.x; x < inside.right(); ++x, to += columns) {
      std::size_t const i = first + to_size(x - inside.x);
      double const* const slope = slope_.data() + cells_.cell(x / ratio, y / ratio) * columns;
      double const* const offset = offset_.data() + cells_.cell(x / ratio, y / ratio) * columns;
      for (std::size_t c = 0; c < columns; ++c) to[c] = slope[c] * fine[c][i] + offset[c] + to[c];
    }
  }
}

void FitFcBlock::write_row(int pair, int y, std::vector<int> const& targets, int first_band, int bands,
                           FusionOutput& output) {
  FitFcSettings const& settings = tile_.settings;
  bool const searched = settings.result != FitFcSettings::Result::regression;
  if (searched) search_.average_row(lists_, y, images_.data(), means_);
  int const to_y = core_px_.y + y - tile_.input.core_px.y, to_x = core_px_.x - tile_.input.core_px.x;
  Pair const& dates = tile_.pairs[to_size(pair)];
  int const row = (core_px_.y + y) / tile_.input.ratio;
  std::size_t first_column = 0;
  for (int const target : targets) {
    auto const base = fused_flags({.first = target, .last = target + 1, .pairs = 1, .pair = {pair, 0}},
                                  tile_.pairs, tile_.input.targets[to_size(target)]);
    for (int x = 0; x < core_px_.width; ++x) {
      int const pixel = y * core_px_.width + x;
      if (asked_[to_size(pixel)] == 0 || plans_[to_size(plan_of_[to_size(pixel)])][to_size(target)] != pair)
        continue;
      int const column = (core_px_.x + x) / tile_.input.ratio;
      int const now = tile_.target_coarse[to_size(target)];
      bool const has_change =
          coarse(dates.coarse, 0, column, row) != no_data_dn && coarse(now, 0, column, row) != no_data_dn;
      quality::Flags flags = base;
      if (partial_[cells_.cell(column, row)] != 0) flags |= quality::input_masked;
      if (!has_change || (searched && lists_.of(pixel).size() < to_size(settings.window.wanted)))
        flags |= quality::low_confidence;
      for (int band = first_band; band < first_band + bands; ++band) {
        std::size_t const c = first_column + to_size(band - first_band);
        double value = images_[(search_.window_at(x, y) + search_.centre()) * columns + c], spread = 0;
        if (searched) {
          value = means_[to_size(x)].value[c];
          spread = std::sqrt(std::max(0.0, means_[to_size(x)].square[c] - value * value));
        }
        double const change =
            has_change ? coarse(now, band, column, row) - coarse(dates.coarse, band, column, row) : 0;
        flags |= put(output, tile_.range, target, band, to_y, to_x + x, value,
                     prediction_sigma(tile_.sigma[to_size(band)], spread, change));
      }
      quality::Flags& to = output.quality.at(target, 0, to_y, to_x + x);
      to = first_band == 0 ? flags : static_cast<quality::Flags>(to | flags);
    }
    first_column += to_size(bands);
  }
}

}  // namespace stfcube
