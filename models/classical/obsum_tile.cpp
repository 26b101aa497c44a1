#include "stfcube/models/classical/obsum_tile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/models/classical/column_cells.hpp"
#include "stfcube/models/classical/purest_cells.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr auto columns = static_cast<std::size_t>(SimilarSearch::columns);
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Weight of no change in unmixing, in parts of the window's cells by class: makes solutions unique, no more.
constexpr double unique_ridge = 1e-6;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

Rect touched_cells(Rect const& px, int ratio) {
  Rect const outer = align_outward(px, ratio);
  return {outer.x / ratio, outer.y / ratio, outer.width / ratio, outer.height / ratio};
}

Rect pixels_of(Rect const& cells, int ratio, Rect const& scene) {
  return intersect({cells.x * ratio, cells.y * ratio, cells.width * ratio, cells.height * ratio}, scene);
}

std::size_t index_in(Rect const& held, int x, int y) {
  return to_size(y - held.y) * to_size(held.width) + to_size(x - held.x);
}

}  // namespace

int ObsumSettings::halo_px(int ratio) const {
  int const to_lattice = lattice_px - 1, to_cells = ratio - 1;
  int const pixel_residual = window.half_px + to_cells + 2 * ratio + to_lattice;
  int const object_residual = to_cells + 2 * ratio + to_lattice;
  return pixel_residual + object_residual + to_cells + radius * ratio + to_lattice;
}

ObsumTile::ObsumTile(FusionInput const& input, ObsumSettings const& settings, Quantity const& range,
                     std::vector<double> const& sigma, FineClasses const& classes, int tolerance_days,
                     int max_gap_days)
    : input_(input),
      settings_(settings),
      range_(range),
      sigma_(sigma),
      classes_(classes),
      pairs_(pairs_in_reach(input, tolerance_days, max_gap_days)),
      coarse_(coarse_of_targets(input)),
      bands_(input.coarse.dn.bands()),
      scene_cells_(cell_frame(input).scene) {
  int const ratio = input.ratio;
  Rect const& scene = input.scene_px;
  auto const cells_around = [&](Rect const& px, int margin) {
    return intersect(grow(touched_cells(intersect(px, scene), ratio), margin), scene_cells_);
  };
  auto const squares = [&](Rect const& cells) {
    return intersect(align_outward(pixels_of(cells, ratio, scene), settings.lattice_px), scene);
  };
  pixel_cells_ = cells_around(grow(input.core_px, settings.window.half_px), 2);
  objects_px_ = squares(pixel_cells_);
  object_cells_ = cells_around(objects_px_, 2);
  changes_px_ = squares(object_cells_);
  unmixed_cells_ = cells_around(changes_px_, 0);
  labels_px_ = squares(intersect(grow(unmixed_cells_, settings.radius), scene_cells_));

  PairPlanner planner(pairs_, input.targets, 1, max_gap_days);
  std::map<std::vector<bool>, int> known;
  std::vector<bool> usable(pairs_.size());
  Rect const& core = input.core_px;
  for (int y = core.y; y < core.bottom(); ++y) {
    for (int x = core.x; x < core.right(); ++x) {
      for (std::size_t p = 0; p < usable.size(); ++p) {
        usable[p] =
            input.fine.dn.at(pairs_[p].fine, 0, y - input.padded_px.y, x - input.padded_px.x) != no_data_dn &&
            coarse(pairs_[p].coarse, 0, x / ratio, y / ratio) != no_data_dn;
      }
      auto const [entry, is_new] = known.try_emplace(usable, static_cast<int>(plans_.size()));
      if (is_new) {
        auto& plan = plans_.emplace_back(input.targets.size(), -1);
        for (PairRun const& run : planner.runs(usable))
          std::fill(plan.begin() + run.first, plan.begin() + run.last, run.pair[0]);
      }
      plan_of_.push_back(entry->second);
    }
  }
}

std::size_t ObsumTile::bytes(ObsumSettings const& settings, int ratio, TileShape const& shape, int threads) {
  std::size_t const padded = to_size(shape.padded_width) * to_size(shape.padded_height);
  std::size_t const cells =
      to_size(shape.padded_width / ratio + 2) * to_size(shape.padded_height / ratio + 2);
  std::size_t const bands = to_size(shape.bands);
  int const side = SimilarSearch::largest_side, raster_side = side + 2 * settings.window.half_px;
  std::size_t const raster = to_size(raster_side) * to_size(raster_side);
  std::size_t const block = SimilarSearch::bytes(settings.window, side, side, shape.bands) +
                            SimilarLists::bytes(side * side, settings.window.wanted) +
                            ColumnCells::bytes(raster_side, ratio) +
                            AlignedArray<double>::bytes_for(raster * columns) +
                            raster * (bands * sizeof(Dn) + sizeof(double) + 1) + 16384;
  std::size_t const objects =
      object_bytes(padded) + padded * (sizeof(std::vector<ObjectSample>) + sizeof(ObjectSample));
  std::size_t const fields =
      padded * (3 * bands + 2) * sizeof(double) + cells * (bands + 2) * sizeof(double) * 2;
  std::size_t const plans = to_size(shape.core_width) * to_size(shape.core_height) * sizeof(int);
  return objects + fields + plans + padded * 2 * sizeof(std::int16_t) +
         cells * to_size(settings.most_classes + 2) * sizeof(std::int32_t) * 3 +
         unmix_bytes(cells, settings.most_classes, shape.bands) + to_size(threads) * block;
}

Dn ObsumTile::coarse(int date, int band, int column, int row) const {
  return input_.coarse.dn.at(date, band, row - input_.cells.y, column - input_.cells.x);
}

bool ObsumTile::uses(int target, int x, int y, int number) const {
  return plans_[to_size(plan_of_[index_in(input_.core_px, x, y)])][to_size(target)] == number;
}

/// Steps 1 and 2: objects take the class of most of their pixels, cells the shares of those classes.
ObsumTile::Base ObsumTile::make_base(Pair const& pair) const {
  Base base;
  auto labels = classes_.labels(input_, pair.fine);
  base.objects = find_objects(input_, labels, labels_px_, settings_.lattice_px);
  std::ranges::fill(labels, std::int16_t{-1});
  Rect const& px = base.objects.px;
  for (std::size_t i = 0; i < base.objects.object.size(); ++i) {
    std::int32_t const o = base.objects.object[i];
    int const x = px.x + static_cast<int>(i) % px.width, y = px.y + static_cast<int>(i) / px.width;
    if (o >= 0) labels[index_in(input_.padded_px, x, y)] = base.objects.classes[to_size(o)];
  }
  base.fractions = block_fractions(count_cell_classes(input_, labels, classes_.count(pair.date)));
  base.samples.resize(to_size(base.objects.count));
  if (settings_.result == ObsumSettings::Result::objects) return base;
  parallel_for(0, base.objects.count, [&](int o) {
    std::int32_t const any = base.objects.pixels_of(o).front();
    if (objects_px_.contains({px.x + any % px.width, px.y + any / px.width, 1, 1}))
      base.samples[to_size(o)] =
          object_sample(base.objects, input_.scene_px, input_.ratio, o, settings_.share);
  });
  return base;
}

/// Step 3: the mean change of each object, [object, band]; NaN where nothing is known.
std::vector<double> ObsumTile::object_changes(Base const& base, Unmixed const& unmixed) const {
  ImageObjects const& objects = base.objects;
  std::vector<double> changes(to_size(objects.count) * to_size(bands_), nan);
  parallel_for(0, objects.count, [&](int o) {
    auto const pixels = objects.pixels_of(o);
    Rect const& px = objects.px;
    if (!changes_px_.contains({px.x + pixels[0] % px.width, px.y + pixels[0] / px.width, 1, 1})) return;
    for (int band = 0; band < bands_; ++band) {
      double sum = 0;
      int count = 0;
      for (std::int32_t const i : pixels) {
        std::size_t const cell = index_in(unmixed_cells_, (px.x + i % px.width) / input_.ratio,
                                          (px.y + i / px.width) / input_.ratio);
        double const change = unmixed.value(band, objects.classes[to_size(o)], cell);
        if (std::isnan(change)) continue;
        sum += change;
        ++count;
      }
      if (count > 0) changes[to_size(o) * to_size(bands_) + to_size(band)] = sum / count;
    }
  });
  return changes;
}

/// What the means of `values` over cells lack of the coarse change since the pair (or of the coarse target);
/// NaN where a coarse value is missing, or more than half of the pixels.
std::vector<double> ObsumTile::cell_residual(Pair const& pair, int target, int band,
                                             std::vector<double> const& values, Rect const& held,
                                             Rect const& cells) const {
  std::vector<double> residual(static_cast<std::size_t>(cells.area()), nan);
  int const now = coarse_[to_size(target)];
  Rect const& padded = input_.padded_px;
  parallel_for(0, cells.height, [&](int r) {
    for (int c = 0; c < cells.width; ++c) {
      int const column = cells.x + c, row = cells.y + r;
      Dn const after = coarse(now, band, column, row), before = coarse(pair.coarse, band, column, row);
      if (after == no_data_dn || (!settings_.of_images && before == no_data_dn)) continue;
      Rect const px = pixels_of({column, row, 1, 1}, input_.ratio, input_.scene_px);
      double sum = 0;
      std::int64_t count = 0;
      for (int y = px.y; y < px.bottom(); ++y) {
        Dn const* const fine = input_.fine.dn.row(pair.fine, band, y - padded.y) - padded.x;
        for (int x = px.x; x < px.right(); ++x) {
          double const value = values[index_in(held, x, y)];
          if (std::isnan(value)) continue;
          sum += settings_.of_images ? value : value - fine[x];
          ++count;
        }
      }
      double const wanted = settings_.of_images ? after : after - before;
      if (2 * count >= px.area())
        residual[to_size(r * cells.width + c)] = wanted - sum / static_cast<double>(count);
    }
  });
  return residual;
}

/// Steps 2 to 4 of one target, and the residual that is left.
ObsumTile::Compensated ObsumTile::compensate(Pair const& pair, Base const& base, int target,
                                             std::vector<Bounds> const& bounds) const {
  int const now = coarse_[to_size(target)];
  int const classes = base.fractions.classes;
  double const window_cells = (2.0 * settings_.radius + 1) * (2.0 * settings_.radius + 1);
  UnmixSettings const unmixing{
      .radius = settings_.radius, .ridge = unique_ridge * window_cells / classes, .bounds = bounds};
  std::vector<double> const prior(to_size(classes * bands_), 0.0);
  Unmixed const unmixed = unmix(base.fractions, coarse_values(input_, base.fractions.cells, now, pair.coarse),
                                1, prior, unmixing, scene_cells_, unmixed_cells_);
  auto const changes = object_changes(base, unmixed);

  ImageObjects const& objects = base.objects;
  Compensated result;
  std::vector<double> moved(static_cast<std::size_t>(changes_px_.area()));
  for (int band = 0; band < bands_; ++band) {
    parallel_for(changes_px_.y, changes_px_.bottom(), [&](int y) {
      for (int x = changes_px_.x; x < changes_px_.right(); ++x) {
        std::int32_t const o = objects.object[index_in(objects.px, x, y)];
        double& value = moved[index_in(changes_px_, x, y)];
        value = nan;
        if (o < 0) continue;
        double const change = changes[to_size(o) * to_size(bands_) + to_size(band)];
        Dn const before = input_.fine.dn.at(pair.fine, band, y - input_.padded_px.y, x - input_.padded_px.x);
        if (!std::isnan(change)) value = std::clamp<double>(before + change, range_.lowest, range_.highest);
      }
    });
    std::vector<double> added(to_size(objects.count), 0.0);
    if (settings_.result != ObsumSettings::Result::objects) {
      CellFrame const frame{.held = object_cells_, .scene = scene_cells_, .ratio = input_.ratio};
      auto const residual = bicubic_plane(
          frame, cell_residual(pair, target, band, moved, changes_px_, object_cells_), objects_px_);
      parallel_for(0, objects.count, [&](int o) {
        double sum = 0, total = 0;
        for (ObjectSample const& sample : base.samples[to_size(o)]) {
          int const x = objects.px.x + sample.pixel % objects.px.width;
          int const y = objects.px.y + sample.pixel / objects.px.width;
          double const value = residual[index_in(objects_px_, x, y)];
          if (std::isnan(value)) continue;
          sum += sample.weight * value;
          total += sample.weight;
        }
        if (total > 0) added[to_size(o)] = sum / total;
      });
    }
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(objects_px_.area()));
    for (int y = objects_px_.y; y < objects_px_.bottom(); ++y) {
      for (int x = objects_px_.x; x < objects_px_.right(); ++x) {
        std::int32_t const o = objects.object[index_in(objects.px, x, y)];
        values.push_back(moved[index_in(changes_px_, x, y)] + (o < 0 ? 0 : added[to_size(o)]));
      }
    }
    auto const left = cell_residual(pair, target, band, values, objects_px_, pixel_cells_);
    for (int row = pixel_cells_.y; row < pixel_cells_.bottom(); ++row) {
      for (int column = pixel_cells_.x; column < pixel_cells_.right(); ++column)
        result.misfit.push_back(
            unmixed.residual[to_size(band) * unmixed.size() + index_in(unmixed_cells_, column, row)]);
    }
    result.residuals.insert(result.residuals.end(), left.begin(), left.end());
    result.values.insert(result.values.end(), values.begin(), values.end());
  }
  return result;
}

void ObsumTile::fuse(int number, std::vector<std::vector<Bounds>> const& bounds, FusionOutput& output) {
  Pair const& pair = pairs_[to_size(number)];
  auto const used = [&](int t) {
    return coarse_[to_size(t)] >= 0 &&
           std::ranges::any_of(plans_, [&](auto const& plan) { return plan[to_size(t)] == number; });
  };
  std::vector<int> targets;
  for (int t = 0; t < static_cast<int>(input_.targets.size()); ++t) {
    if (used(t)) targets.push_back(t);
  }
  if (targets.empty() || classes_.count(pair.date) == 0) return;
  Base const base = make_base(pair);
  int const side = SimilarSearch::largest_side;
  Rect const& core = input_.core_px;
  int const across = (core.width + side - 1) / side, down = (core.height + side - 1) / side;
  for (int const target : targets) {
    Compensated const state = compensate(pair, base, target, bounds[to_size(target)]);
    parallel_for(0, across * down, [&](int i) {
      Rect const block{core.x + i % across * side, core.y + i / across * side, side, side};
      write_block(number, target, state, intersect(block, core), output);
    });
  }
}

/// Step 5, and the output.
void ObsumTile::write_block(int number, int target, Compensated const& state, Rect const& block,
                            FusionOutput& output) const {
  Pair const& pair = pairs_[to_size(number)];
  int const ratio = input_.ratio, h = settings_.window.half_px, now = coarse_[to_size(target)];
  SimilarSearch search(settings_.window, block.width, block.height);
  SimilarLists lists(block.width * block.height, settings_.window.wanted);
  Rect const raster = grow(block, h), inside = intersect(raster, input_.scene_px);
  auto const area = static_cast<std::size_t>(objects_px_.area());
  std::vector<std::vector<Dn>> fine(to_size(bands_), std::vector<Dn>(search.raster_size()));
  std::vector<std::uint8_t> usable(search.raster_size()), asked(static_cast<std::size_t>(block.area()));
  ColumnCells cells(inside, ratio, scene_cells_);
  AlignedArray<double> images(search.raster_size() * columns);
  std::vector<SimilarSearch::Means> means(to_size(block.width));
  bool const searched = settings_.result == ObsumSettings::Result::complete;
  for (int first_band = 0; first_band < bands_; first_band += SimilarSearch::columns) {
    int const bands = std::min(SimilarSearch::columns, bands_ - first_band);
    double* const residuals = cells.values();
    for (int row = cells.cells().y; row < cells.cells().bottom(); ++row) {
      for (int column = cells.cells().x; column < cells.cells().right(); ++column) {
        for (int b = 0; b < bands; ++b) {
          residuals[cells.cell(column, row) * columns + to_size(b)] =
              state.residuals[to_size(first_band + b) * static_cast<std::size_t>(pixel_cells_.area()) +
                              index_in(pixel_cells_, column, row)];
        }
      }
    }
    for (int y = inside.y; y < inside.bottom(); ++y) {
      std::size_t const first = search.window_at(inside.x - raster.x, y - raster.y);
      cells.row(y - inside.y, images.data() + first * columns);
      for (int x = inside.x; x < inside.right() && first_band == 0; ++x) {
        std::size_t const i = first + to_size(x - inside.x);
        bool const left = !searched || !std::isnan(images[i * columns]);
        usable[i] = left && !std::isnan(state.values[index_in(objects_px_, x, y)]);
        for (int band = 0; band < bands_; ++band) {
          fine[to_size(band)][i] =
              input_.fine.dn.at(pair.fine, band, y - input_.padded_px.y, x - input_.padded_px.x);
        }
      }
    }
    if (first_band == 0) {
      for (int y = 0; y < block.height; ++y) {
        for (int x = 0; x < block.width; ++x) {
          asked[to_size(y * block.width + x)] = usable[search.window_at(x, y) + search.centre()] != 0 &&
                                                uses(target, block.x + x, block.y + y, number);
        }
      }
      std::vector<Dn const*> planes;
      for (auto const& plane : fine) planes.push_back(plane.data());
      if (searched) {
        search.compare(planes, usable, SimilarSearch::Measure::differences);
        search.find(asked, lists);
      }
    }
    auto const base_flags =
        fused_flags({.first = target, .last = target + 1, .pairs = 1, .pair = {number, 0}}, pairs_,
                    input_.targets[to_size(target)]);
    for (int y = 0; y < block.height; ++y) {
      if (searched) search.average_row(lists, y, images.data(), means);
      int const to_y = block.y + y - input_.core_px.y;
      for (int x = 0; x < block.width; ++x) {
        int const pixel = y * block.width + x, to_x = block.x + x - input_.core_px.x;
        if (asked[to_size(pixel)] == 0) continue;
        int const column = (block.x + x) / ratio, row = (block.y + y) / ratio;
        quality::Flags flags = base_flags;
        bool const clear = coarse(now, 0, column, row) != no_data_dn;
        if (!clear) flags |= quality::input_masked | quality::low_confidence;
        if (searched && lists.of(pixel).size() < to_size(settings_.window.wanted))
          flags |= quality::low_confidence;
        for (int b = 0; b < bands; ++b) {
          int const band = first_band + b;
          double const mean = searched ? means[to_size(x)].value[b] : 0;
          double const spread =
              searched ? std::sqrt(std::max(0.0, means[to_size(x)].square[b] - mean * mean)) : 0;
          double const change =
              clear ? coarse(now, band, column, row) - coarse(pair.coarse, band, column, row) : 0;
          double const value =
              state.values[to_size(band) * area + index_in(objects_px_, block.x + x, block.y + y)] + mean;
          double const misfit = state.misfit[to_size(band) * static_cast<std::size_t>(pixel_cells_.area()) +
                                             index_in(pixel_cells_, column, row)];
          double const unknown = std::isnan(misfit) ? spread : std::hypot(spread, misfit);
          flags |= put(output, range_, target, band, to_y, to_x, value,
                       prediction_sigma(std::sqrt(2.0) * sigma_[to_size(band)], unknown, change));
        }
        quality::Flags& to = output.quality.at(target, 0, to_y, to_x);
        to = first_band == 0 ? flags : static_cast<quality::Flags>(to | flags);
      }
    }
  }
}

}  // namespace stfcube
