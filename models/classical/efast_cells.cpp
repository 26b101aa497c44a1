#include "stfcube/models/classical/efast_cells.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

int floor_div(int a, int b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// Nearest cloudy cell along each row: the squared distance, for the columns in the middle; `far` beyond the
/// reach.
void row_distances(std::uint8_t const* cloudy, int columns, int reach, int far, int* squares) {
  int last = -far;
  for (int x = 0; x < columns; ++x) {
    if (cloudy[x]) last = x;
    int const d = x - last;
    squares[x] = d > reach ? far : d * d;
  }
  last = columns + far;
  for (int x = columns - 1; x >= 0; --x) {
    if (cloudy[x]) last = x;
    int const d = last - x;
    squares[x] = std::min(squares[x], d > reach ? far : d * d);
  }
}

}  // namespace

int efast_halo_px(EfastSettings const& settings, int ratio) {
  return settings.distance_cells == 0 ? 0 : (settings.distance_cells + 1) * ratio + ratio / 2 - 1;
}

CellAxis::CellAxis(int first_px, int pixels, int ratio, int scene_first, int scene_count) {
  int const scene_last = scene_first + scene_count - 1;
  std::vector<int> behind;
  for (int i = 0; i < pixels; ++i) {
    int const doubled = 2 * (first_px + i) + 1 - ratio;  // 2 ratio times the pixel's centre in cells
    int const before = floor_div(doubled, 2 * ratio);
    int const rest = doubled - 2 * ratio * before;
    cell.push_back(std::clamp(before, scene_first, scene_last));
    next.push_back(rest == 0 ? cell.back() : std::clamp(before + 1, scene_first, scene_last));
    fraction.push_back(static_cast<double>(rest) / (2.0 * ratio));
  }
  first = cell.front();
  count = next.back() - first + 1;
  for (int i = 0; i < pixels; ++i) {
    cell[to_size(i)] -= first;
    next[to_size(i)] -= first;
  }
}

EfastCells::EfastCells(FusionInput const& input, EfastSettings const& settings, int bands)
    : bands_(bands),
      across_(input.core_px.x, input.core_px.width, input.ratio, cell_frame(input).scene.x,
              cell_frame(input).scene.width),
      down_(input.core_px.y, input.core_px.height, input.ratio, cell_frame(input).scene.y,
            cell_frame(input).scene.height) {
  ensure(input.cells.contains({across_.first, down_.first, across_.count, down_.count}),
         "EFAST holds the coarse cells around its pixels");
  for (int date = 0; date < static_cast<int>(input.fine.dates.size()); ++date) {
    bool const used = std::ranges::any_of(input.targets, [&](Date t) {
      return std::abs(input.fine.dates[to_size(date)] - t) <= settings.window_days;
    });
    if (used) images_.push_back({.date = date, .coarse = {}, .clear = {}});
  }
  std::vector<int> stand_in(input.fine.dates.size(), -1);
  for (Pair const& pair : find_pairs(input.fine.dates, input.coarse.dates, settings.pair_tolerance_days)) {
    stand_in[to_size(pair.fine)] = pair.coarse;
  }
  parallel_for(0, static_cast<int>(images_.size()), [&](int i) {
    FineImage& image = images_[to_size(i)];
    image.coarse =
        coarse_at(input, settings, input.fine.dates[to_size(image.date)], stand_in[to_size(image.date)]);
    image.clear = clear_weights(input, settings, image.date);
    for (std::size_t c = 0; c < cell_count(); ++c) image.clear[c] *= image.coarse.known[c];
  });
  targets_.resize(input.targets.size());
  parallel_for(0, static_cast<int>(targets_.size()), [&](int t) {
    Target& target = targets_[to_size(t)];
    Date const day = input.targets[to_size(t)];
    target.coarse = coarse_at(input, settings, day, -1);
    for (int i = 0; i < static_cast<int>(images_.size()); ++i) {
      int const days = input.fine.dates[to_size(images_[to_size(i)].date)] - day;
      if (std::abs(days) > settings.window_days) continue;
      double const scaled = days / settings.sigma_days;
      target.uses.push_back({.image = i, .weight = std::exp(-0.5 * scaled * scaled), .days = days});
    }
    weigh(target);
  });
}

std::size_t EfastCells::bytes(TileShape const& shape, EfastSettings const& settings, int ratio) {
  auto const cells_along = [&](int pixels) { return to_size(pixels / ratio + 3); };
  std::size_t const cells = cells_along(shape.core_width) * cells_along(shape.core_height);
  std::size_t const around = (cells_along(shape.core_width) + 2 * to_size(settings.distance_cells)) *
                             (cells_along(shape.core_height) + 2 * to_size(settings.distance_cells));
  std::size_t const bands = to_size(shape.bands), images = to_size(shape.fine_dates),
                    targets = to_size(shape.targets);
  std::size_t const plane = cells * ((bands + 1) * sizeof(double) + 1);
  std::size_t const axes =
      (to_size(shape.core_width) + to_size(shape.core_height)) * (2 * sizeof(int) + sizeof(double)) * 2;
  return axes + images * (plane + cells * sizeof(double) + around * (sizeof(int) + 1) + 256) +
         targets * (plane + cells * (sizeof(double) + bands * sizeof(float)) + images * sizeof(Use) + 256);
}

EfastCells::Plane EfastCells::coarse_at(FusionInput const& input, EfastSettings const& settings, Date day,
                                        int stand_in) const {
  Plane plane{std::vector<double>(to_size(bands_) * cell_count()), CellPlane(cell_count()),
              std::vector<std::uint8_t>(cell_count())};
  PairOrder const window = date_order(input.coarse.dates, day, settings.coarse_days);
  auto const& dates = input.coarse.dates;
  for (int row = 0; row < down_.count; ++row) {
    int const y = down_.first + row - input.cells.y;
    for (int column = 0; column < across_.count; ++column) {
      int const x = across_.first + column - input.cells.x;
      std::size_t const cell = to_size(row) * to_size(across_.count) + to_size(column);
      auto const valid = [&](int date) { return input.coarse.dn.at(date, 0, y, x) != no_data_dn; };
      auto const put_all = [&](auto const& value) {
        plane.known[cell] = 1;
        for (int band = 0; band < bands_; ++band)
          plane.values[to_size(band) * cell_count() + cell] = value(band);
      };
      auto const observed = [&](int date) {
        put_all([&](int band) { return static_cast<double>(input.coarse.dn.at(date, band, y, x)); });
      };
      auto const before = std::ranges::find_if(window.before, valid);
      if (before != window.before.end() && dates[to_size(*before)] == day) {
        observed(*before);
        continue;
      }
      plane.filled[cell] = 1;
      if (stand_in >= 0 && valid(stand_in)) {
        observed(stand_in);
        continue;
      }
      auto const after = std::ranges::find_if(window.after, valid);
      auto const observations =
          std::ranges::count_if(window.before, valid) + std::ranges::count_if(window.after, valid);
      if (before == window.before.end() || after == window.after.end() ||
          observations < settings.least_observations) {
        continue;
      }
      int const since = day - dates[to_size(*before)], until = dates[to_size(*after)] - day;
      put_all([&](int band) {
        return static_cast<double>(input.coarse.dn.at(*before, band, y, x) * until +
                                   input.coarse.dn.at(*after, band, y, x) * since) /
               (since + until);
      });
    }
  }
  return plane;
}

std::vector<std::uint8_t> EfastCells::cloudy_cells(FusionInput const& input, EfastSettings const& settings,
                                                   int date, Rect const& cells) const {
  std::vector<std::uint8_t> cloudy(static_cast<std::size_t>(cells.area()));
  for (int row = 0; row < cells.height; ++row) {
    for (int column = 0; column < cells.width; ++column) {
      Rect const px = intersect(
          {(cells.x + column) * input.ratio, (cells.y + row) * input.ratio, input.ratio, input.ratio},
          input.scene_px);
      ensure(input.padded_px.contains(px),
             "EFAST holds the fine pixels of all cells within its distance to clouds");
      std::int64_t missing = 0;
      for (int y = px.y; y < px.bottom(); ++y) {
        Dn const* const line = input.fine.dn.row(date, 0, y - input.padded_px.y) + (px.x - input.padded_px.x);
        missing += std::count(line, line + px.width, no_data_dn);
      }
      bool const all_clear = missing == 0 || static_cast<double>(missing) <
                                                 settings.cloud_share * static_cast<double>(px.area());
      cloudy[to_size(row) * to_size(cells.width) + to_size(column)] = all_clear ? 0 : 1;
    }
  }
  return cloudy;
}

CellPlane EfastCells::clear_weights(FusionInput const& input, EfastSettings const& settings, int date) const {
  CellPlane clear(cell_count(), 1.0);
  int const reach = settings.distance_cells;
  if (reach == 0) return clear;
  Rect const own{across_.first, down_.first, across_.count, down_.count};
  Rect const around = intersect(grow(own, reach), cell_frame(input).scene);
  auto const cloudy = cloudy_cells(input, settings, date, around);
  int const far = (reach + 1) * (reach + 1);  // full weight
  std::vector<int> along_rows(cloudy.size());
  for (int row = 0; row < around.height; ++row) {
    std::size_t const at = to_size(row) * to_size(around.width);
    row_distances(&cloudy[at], around.width, reach, far, &along_rows[at]);
  }
  std::vector<int> nearest(to_size(own.width));
  for (int row = 0; row < own.height; ++row) {
    std::ranges::fill(nearest, far);
    for (int dy = -reach; dy <= reach; ++dy) {
      int const from = own.y + row + dy - around.y;
      if (from < 0 || from >= around.height) continue;
      int const* const line = &along_rows[to_size(from) * to_size(around.width) + to_size(own.x - around.x)];
      for (std::size_t x = 0; x < nearest.size(); ++x) nearest[x] = std::min(nearest[x], line[x] + dy * dy);
    }
    for (std::size_t x = 0; x < nearest.size(); ++x) {
      double const distance = std::sqrt(static_cast<double>(nearest[x]));
      clear[to_size(row) * nearest.size() + x] = std::clamp((distance - 1) / reach, 0.0, 1.0);
    }
  }
  return clear;
}

void EfastCells::weigh(Target& target) const {
  std::size_t const cells = cell_count();
  target.inverse_weight.assign(cells, 0);
  for (Use const& use : target.uses) {
    auto const& clear = images_[to_size(use.image)].clear;
    for (std::size_t c = 0; c < cells; ++c) target.inverse_weight[c] += use.weight * clear[c];
  }
  for (double& w : target.inverse_weight) w = w > 0 ? 1 / w : 0;
  target.change.assign(to_size(bands_) * cells, 0);
  for (int band = 0; band < bands_; ++band) {
    std::size_t const at = to_size(band) * cells;
    for (Use const& use : target.uses) {
      FineImage const& image = images_[to_size(use.image)];
      for (std::size_t c = 0; c < cells; ++c) {
        double const share = use.weight * image.clear[c] * target.inverse_weight[c];
        target.change[at + c] +=
            static_cast<float>(share * (target.coarse.values[at + c] - image.coarse.values[at + c]));
      }
    }
  }
}

}  // namespace stfcube
