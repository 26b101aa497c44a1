#include "stfcube/models/classical/class_change.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr std::int64_t fewest_zone_cells = 20;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// The place after `share` of n sorted values, from 0. Shares are decimal fractions: what is a whole number
/// on paper stays one.
std::int64_t place_after(double share, std::int64_t n) {
  return std::min(n - 1, static_cast<std::int64_t>(std::floor(share * static_cast<double>(n) + 1e-9)));
}

/// Number `place`, from 0, of the sorted values.
std::int64_t sorted_value(Tally const& tally, std::int64_t place) {
  for (auto const& [value, count] : tally) {
    if (place < count) return value;
    place -= count;
  }
  return tally.rbegin()->first;
}

/// The smallest and the largest value: all that is asked of some tallies, and all that tiles put into them.
struct Range {
  std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
  std::int64_t highest = std::numeric_limits<std::int64_t>::min();

  void add(std::int64_t value) {
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
  }
  void add_to(Tally& tally) const {
    if (lowest > highest) return;
    ++tally[lowest];
    ++tally[highest];
  }
};

/// Two whole numbers as one key of a tally, and back.
std::int64_t joined(std::int32_t first, std::int32_t second) {
  return static_cast<std::int64_t>(first) * (std::int64_t{1} << 32) + second;
}
std::pair<std::int32_t, std::int32_t> parted(std::int64_t key) {
  auto const second = static_cast<std::int32_t>(key);  // the lower half, modulo 2^32
  return {static_cast<std::int32_t>((key - second) / (std::int64_t{1} << 32)), second};
}

constexpr StatZones::Zone whole_scene{-1, -1};

}  // namespace

/// The coarse cells of one call and one target.
struct ClassChange::Cells {
  Rect const& scene_px;
  CellCounts const& counts;
  std::vector<std::int16_t> const& labels;  ///< of the pixels
  CellValues change;                        ///< c_p - c_1
  CellValues target;                        ///< c_p

  /// All pixels have a class and the change is known.
  bool complete(std::size_t cell) const {
    return change.valid[cell] && counts.valid[cell] == counts.ratio * counts.ratio;
  }
  std::int32_t delta(int band, std::size_t cell) const {
    return change.values[to_size(band) * counts.size() + cell];
  }

  /// Calls `body(cell, x, y)` with the upper left pixel of every cell.
  template <class Body>
  void for_each(Body const& body) const {
    for (int row = counts.cells.y; row < counts.cells.bottom(); ++row) {
      for (int column = counts.cells.x; column < counts.cells.right(); ++column)
        body(counts.at(column, row), column * counts.ratio, row * counts.ratio);
    }
  }
};

std::string ClassChange::name(Images const& images, Region const& region, std::string const& what) const {
  std::string const where = region == whole_scene ? "scene" : fmt::format("{},{}", region.column, region.row);
  return fmt::format("{}/{}/{}/{}/{}", settings_.subject, images.pair.days, images.target.days, where, what);
}

/// The scene and the zones that count a cell as theirs, by its upper left pixel.
std::vector<ClassChange::Region> ClassChange::regions_of(Rect const& scene_px, int x, int y) const {
  std::vector<Region> regions = {whole_scene};
  if (settings_.zone_px == 0) return regions;
  auto const zones = [&](int at, int size) {
    int const block = at / (settings_.zone_px / 2), last = (size - 1) / settings_.zone_px;
    return std::pair{std::max(0, (block - 1) / 2), std::min(last, (block + 1) / 2)};
  };
  auto const [left, right] = zones(x, scene_px.width);
  auto const [top, bottom] = zones(y, scene_px.height);
  for (int column = left; column <= right; ++column) {
    for (int row = top; row <= bottom; ++row) regions.push_back({column, row});
  }
  return regions;
}

void ClassChange::observe(FusionInput const& input, Pair const& pair, FineClasses const& classes,
                          Statistics& statistics, ClassMemberships const* memberships) const {
  auto const labels = classes.labels(input, pair.fine);
  int const count = classes.count(pair.date);
  CellCounts const counts = memberships ? count_cell_memberships(input, memberships->shares(input, pair.fine),
                                                                 count, ClassMemberships::parts)
                                        : count_cell_classes(input, labels, count);
  ensure(counts.parts == settings_.parts, "cells are counted as the settings say");
  auto const target_coarse = coarse_of_targets(input);
  for (std::size_t t = 0; t < target_coarse.size(); ++t) {
    if (target_coarse[t] < 0) continue;
    Cells const cells{
        input.scene_px, counts, labels,
        coarse_values(input, counts.cells, target_coarse[t], settings_.of_target ? -1 : pair.coarse),
        coarse_values(input, counts.cells, target_coarse[t], -1)};
    Images const images{pair.date, input.targets[t]};
    if (round_ == Round::cells) {
      if (t == 0) observe_ranges(input, cells, pair.date, statistics);
      observe_cells(images, cells, statistics);
    } else if (round_ == Round::changes) {
      observe_changes(images, cells, statistics);
    } else {
      observe_equations(images, cells, statistics);
    }
  }
}

/// The smallest and largest fine value of every class.
void ClassChange::observe_ranges(FusionInput const& input, Cells const& cells, Date pair,
                                 Statistics& statistics) const {
  int const index = static_cast<int>(std::ranges::find(input.fine.dates, pair) - input.fine.dates.begin());
  Rect const& px = input.padded_px;
  std::string const subject = fmt::format("{}/{}/", settings_.subject, pair.days);
  for (auto const& piece : zones_.pieces("", px)) {
    for (int band = 0; band < input.fine.dn.bands(); ++band) {
      std::vector<Range> ranges(to_size(cells.counts.classes) + 1);
      for (int y = piece.px.y - px.y; y < piece.px.bottom() - px.y; ++y) {
        Dn const* const row = input.fine.dn.row(index, band, y);
        for (int x = piece.px.x - px.x; x < piece.px.right() - px.x; ++x) {
          if (row[x] == no_data_dn) continue;
          int const label = cells.labels[to_size(y) * to_size(px.width) + to_size(x)];
          ranges[label < 0 ? ranges.size() - 1 : to_size(label)].add(row[x]);
        }
      }
      for (std::size_t c = 0; c < ranges.size(); ++c) {
        std::string const what = fmt::format("/{}/{}", c, band);
        ranges[c].add_to(statistics.tally(subject + "scene" + what));
        if (settings_.zone_px > 0) ranges[c].add_to(statistics.tally(subject + "fine" + what + piece.name));
      }
    }
  }
}

/// Sums and ranges of the coarse change, and how many cells hold so many pixels of a class.
void ClassChange::observe_cells(Images const& images, Cells const& cells, Statistics& statistics) const {
  int const bands = cells.change.bands;
  struct Sums {
    std::vector<std::int64_t> sums;
    std::vector<Range> changes, targets;
    std::vector<Tally> purities;
  };
  std::map<Region, Sums> of_region;
  cells.for_each([&](std::size_t cell, int x, int y) {
    if (!cells.target.valid[cell]) return;
    for (Region const& region : regions_of(cells.scene_px, x, y)) {
      auto const [at, is_new] = of_region.try_emplace(region);
      Sums& sums = at->second;
      if (is_new) {
        sums.sums.resize(1 + 2 * to_size(bands));
        sums.changes.resize(to_size(bands));
        sums.targets.resize(to_size(bands));
        sums.purities.resize(to_size(cells.counts.classes));
      }
      for (std::size_t b = 0; b < to_size(bands); ++b)
        sums.targets[b].add(cells.target.values[b * cells.counts.size() + cell]);
      if (!cells.change.valid[cell]) continue;
      ++sums.sums[0];
      for (std::size_t b = 0; b < to_size(bands); ++b) {
        std::int64_t const delta = cells.delta(static_cast<int>(b), cell);
        sums.changes[b].add(delta);
        sums.sums[1 + 2 * b] += delta;
        sums.sums[2 + 2 * b] += delta * delta;
      }
      if (!cells.complete(cell)) continue;
      for (int c = 0; c < cells.counts.classes; ++c) {
        std::int32_t const count = cells.counts.of_class(c)[cell];
        if (may_be_pure(count, cells.counts.ratio, settings_.parts))
          ++sums.purities[to_size(c)][cells.counts.purity(c, cell)];
      }
    }
  });
  if (of_region.empty()) return;
  ++statistics.tally(settings_.subject + "/images")[joined(images.pair.days, images.target.days)];
  for (auto const& [region, sums] : of_region) {
    ++statistics.tally(name(images, whole_scene, "regions"))[joined(region.column, region.row)];
    auto const row = statistics.row(name(images, region, "sums"), sums.sums.size());
    for (std::size_t i = 0; i < row.size(); ++i) row[i] += sums.sums[i];
    for (std::size_t b = 0; b < to_size(bands); ++b) {
      sums.changes[b].add_to(statistics.tally(name(images, region, fmt::format("change/{}", b))));
      sums.targets[b].add_to(statistics.tally(name(images, region, fmt::format("target/{}", b))));
    }
    for (std::size_t c = 0; c < sums.purities.size(); ++c) {
      Tally& tally = statistics.tally(name(images, region, fmt::format("purity/{}", c)));
      for (auto const& [count, times] : sums.purities[c]) tally[count] += times;
    }
  }
}

/// Cells that take part in the fits, by the regions that count them.
std::map<ClassChange::Region, std::vector<std::size_t>> ClassChange::cells_of_regions(
    Cells const& cells) const {
  std::map<Region, std::vector<std::size_t>> of_region;
  cells.for_each([&](std::size_t cell, int x, int y) {
    if (!cells.complete(cell)) return;
    for (Region const& region : regions_of(cells.scene_px, x, y)) of_region[region].push_back(cell);
  });
  return of_region;
}

void ClassChange::observe_changes(Images const& images, Cells const& cells, Statistics& statistics) const {
  for (auto const& [region, members] : cells_of_regions(cells)) {
    Fit const& fit = fits_.at(images).at(region);
    for (int c = 0; c < fit.classes(); ++c) {
      std::int64_t const least = fit.least[to_size(c)];
      if (least == 0 || !fit.own[to_size(c)]) continue;
      for (int band = 0; band < bands_; ++band) {
        Tally& tally = statistics.tally(name(images, region, fmt::format("kept/{}/{}", c, band)));
        for (std::size_t const cell : members) {
          if (cells.counts.purity(c, cell) < least) continue;
          std::int64_t const delta = cells.delta(band, cell);
          ++tally[settings_.by_size ? std::abs(delta) : delta];
        }
      }
    }
  }
}

/// Of every class and band, over the cells it keeps: A'A and A'y, row by row, in pixels.
void ClassChange::observe_equations(Images const& images, Cells const& cells, Statistics& statistics) const {
  for (auto const& [region, members] : cells_of_regions(cells)) {
    Fit const& fit = fits_.at(images).at(region);
    std::size_t const classes = fit.least.size();
    for (std::size_t i = 0; i < classes * to_size(bands_); ++i) {
      std::size_t const c = i / to_size(bands_);
      int const band = static_cast<int>(i % to_size(bands_));
      if (fit.least[c] == 0 || !fit.own[c]) continue;
      auto const row = statistics.row(name(images, region, fmt::format("equations/{}/{}", c, band)),
                                      classes * (classes + 1));
      for (std::size_t const cell : members) {
        std::int64_t const delta = cells.delta(band, cell);
        bool const pure = cells.counts.purity(static_cast<int>(c), cell) >= fit.least[c];
        if (!pure || !keeps(fit.window[i], delta)) continue;
        for (std::size_t m = 0; m < classes; ++m) {
          std::int64_t const share = cells.counts.of_class(static_cast<int>(m))[cell];
          ExactSum* const to = &row[m * (classes + 1)];
          for (std::size_t n = 0; n < classes; ++n)
            to[n] += share * cells.counts.of_class(static_cast<int>(n))[cell];
          to[classes] += share * delta;
        }
      }
    }
  }
}

bool ClassChange::keeps(Bounds const& window, std::int64_t delta) const {
  auto const value = static_cast<double>(settings_.by_size ? std::abs(delta) : delta);
  return value >= window.lowest && value <= window.highest;
}

void ClassChange::prepare(Statistics const& statistics, FineClasses const& classes) {
  if (round_ == Round::cells) {
    prepare_cells(statistics, classes);
    round_ = fits_.empty() ? Round::none : Round::changes;
  } else if (round_ == Round::changes) {
    prepare_changes(statistics);
    round_ = Round::equations;
  } else if (round_ == Round::equations) {
    prepare_equations(statistics);
    round_ = Round::none;
  }
}

void ClassChange::prepare_cells(Statistics const& statistics, FineClasses const& classes) {
  statistics_ = statistics;
  for (auto const& [key, calls] : statistics.find_tally(settings_.subject + "/images")) {
    auto const [pair, target] = parted(key);
    Images const images{Date{pair}, Date{target}};
    for (auto const& [place, times] : statistics.find_tally(name(images, whole_scene, "regions"))) {
      Region const region{parted(place).first, parted(place).second};
      auto const sums = statistics.find(name(images, region, "sums"));
      if (sums[0] == 0) continue;
      bands_ = static_cast<int>(sums.size() / 2);
      Fit& fit = fits_[images][region];
      for (int c = 0; c < classes.count(images.pair); ++c) {
        Tally const& purity = statistics.find_tally(name(images, region, fmt::format("purity/{}", c)));
        std::int64_t cells = 0;
        for (auto const& [count, times_seen] : purity) cells += times_seen;
        fit.least.push_back(purest_count(purity, settings_.purest));
        fit.own.push_back(region == whole_scene || cells >= fewest_zone_cells);
      }
    }
  }
}

void ClassChange::prepare_changes(Statistics const& statistics) {
  for (auto& [images, regions] : fits_) {
    for (auto& [region, fit] : regions) {
      for (int c = 0; c < fit.classes(); ++c) {
        for (int band = 0; band < bands_; ++band) {
          Tally const& kept = statistics.find_tally(name(images, region, fmt::format("kept/{}/{}", c, band)));
          std::int64_t n = 0;
          for (auto const& [value, count] : kept) n += count;
          Bounds window{0, 0};
          if (n > 0) {
            window = {static_cast<double>(sorted_value(kept, place_after(settings_.lowest_quantile, n))),
                      static_cast<double>(sorted_value(kept, place_after(settings_.highest_quantile, n)))};
          }
          fit.window.push_back(window);
        }
      }
    }
  }
}

void ClassChange::prepare_equations(Statistics const& statistics) {
  for (auto& [images, regions] : fits_) {
    for (auto& [region, fit] : regions) {
      solve(statistics, images, region, fit);
      find_ranges(images, region, fit);
    }
  }
  statistics_ = {};
}

void ClassChange::solve(Statistics const& statistics, Images const& images, Region const& region,
                        Fit& fit) const {
  auto const sums = statistics_.find(name(images, region, "sums"));
  Fit const& scene = fits_.at(images).at(whole_scene);
  std::size_t const classes = fit.least.size();
  double const cell_px = static_cast<double>(settings_.ratio) * settings_.ratio * settings_.parts;
  for (int band = 0; band < bands_; ++band) {
    std::size_t const at = 1 + 2 * to_size(band);
    double const mean = static_cast<double>(sums[at]) / static_cast<double>(sums[0]);
    double const sigma = population_sigma(sums[0], sums[at], sums[at + 1]);
    Tally const& changes = statistics_.find_tally(name(images, region, fmt::format("change/{}", band)));
    Bounds const bounds{static_cast<double>(changes.begin()->first) - sigma,
                        static_cast<double>(changes.rbegin()->first) + sigma};
    std::vector<ExactSum> total(classes * (classes + 1));
    std::vector<bool> found(classes);
    for (std::size_t c = 0; c < classes; ++c) {
      found[c] = fit.own[c] ? fit.least[c] > 0 : scene.least[c] > 0;
      auto const row = statistics.find(
          name(images, fit.own[c] ? region : whole_scene, fmt::format("equations/{}/{}", c, band)));
      for (std::size_t i = 0; i < row.size(); ++i) total[i] += row[i];
    }
    // What a class without a pure cell has in the others is taken off; its own equation stays empty.
    NormalEquations equations(classes);
    for (std::size_t i = 0; i < classes; ++i) {
      if (!found[i]) continue;
      equations.rhs[i] = static_cast<double>(total[i * (classes + 1) + classes]) / cell_px;
      for (std::size_t j = 0; j < classes; ++j) {
        double const product = static_cast<double>(total[i * (classes + 1) + j]) / (cell_px * cell_px);
        if (found[j]) {
          equations.gram[i * classes + j] = product;
        } else {
          equations.rhs[i] -= product * mean;
        }
      }
    }
    std::vector<double> const start(classes, mean);
    auto const solution = bounded_least_squares(equations, bounds, start);
    fit.table.change.insert(fit.table.change.end(), solution.begin(), solution.end());
    fit.table.change.push_back(mean);
  }
}

void ClassChange::find_ranges(Images const& images, Region const& region, Fit& fit) const {
  std::size_t const entries = fit.least.size() + 1;
  for (std::size_t band = 0; band < to_size(bands_); ++band) {
    Tally const& target = statistics_.find_tally(name(images, region, fmt::format("target/{}", band)));
    auto lowest = static_cast<double>(target.begin()->first);
    auto highest = static_cast<double>(target.rbegin()->first);
    for (std::size_t c = 0; c < entries; ++c) {
      std::string const subject = fmt::format("{}/{}/", settings_.subject, images.pair.days);
      std::string const what = fmt::format("/{}/{}", c, band);
      Tally const fine = region == whole_scene ? statistics_.find_tally(subject + "scene" + what)
                                               : zones_.tally(statistics_, subject + "fine" + what, region);
      if (fine.empty()) continue;
      double const change = fit.table.change[band * entries + c];
      lowest = std::min(lowest, static_cast<double>(fine.begin()->first) + change);
      highest = std::max(highest, static_cast<double>(fine.rbegin()->first) + change);
    }
    fit.table.lowest.push_back(lowest);
    fit.table.highest.push_back(highest);
  }
}

ChangeTable const* ClassChange::find(Date pair, Date target, StatZones::Zone zone) const {
  auto const of_images = fits_.find({pair, target});
  if (of_images == fits_.end()) return nullptr;
  auto const own = settings_.zone_px > 0 ? of_images->second.find(zone) : of_images->second.end();
  return own != of_images->second.end() ? &own->second.table : &of_images->second.at(whole_scene).table;
}

}  // namespace stfcube
