#include "stfcube/models/classical/starfm_block.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

#include "stfcube/models/classical/starfm_reference.hpp"

namespace stfcube {
namespace {

/// Up to so many targets it is faster to have pixels side by side in a vector than targets.
constexpr int most_targets_with_images = 2;

/// Logarithmic weights off the plateau stay below 1 only when the plateau reaches this far; the form with
/// pixels side by side relies on it.
constexpr double least_logarithmic_plateau = 5;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// Columns of the windows of a group, and a vector beyond them that no window reaches.
std::size_t reach_columns(int window) {
  return to_size(window + StarfmScratch::group) + AlignedArray<std::uint16_t>::line_bytes;
}

bool has_own_cells(StarfmSettings const& settings, int ratio) {
  return settings.bilinear || ratio == 1;
}

}  // namespace

int StarfmBlock::side(StarfmSettings const& settings, int ratio) {
  return has_own_cells(settings, ratio) ? 32 : 64;
}

std::size_t StarfmBlock::bytes(StarfmSettings const& settings, int ratio, int pairs, int targets) {
  int const core = side(settings, ratio);
  int const raster_side = core + settings.window - 1;
  std::size_t const raster = to_size(raster_side) * to_size(raster_side);
  int const cell_side = has_own_cells(settings, ratio) ? raster_side : (raster_side - 1) / ratio + 2;
  std::size_t const cells = to_size(cell_side) * to_size(cell_side);
  std::size_t const similar = AlignedArray<Dn>::bytes_for(raster) * settings.similarity_bands.size();
  std::size_t const limits = settings.zone_px == 0
                                 ? 0
                                 : AlignedArray<std::int32_t>::bytes_for(raster) *
                                       std::max<std::size_t>(1, settings.similarity_bands.size());
  std::size_t const change = cells * to_size(StarfmScratch::padded(targets));
  std::size_t const per_pair = similar + limits + AlignedArray<Dn>::bytes_for(raster) +
                               AlignedArray<std::uint16_t>::bytes_for(raster) +
                               2 * AlignedArray<double>::bytes_for(change) +
                               AlignedArray<std::uint8_t>::bytes_for(cells);
  std::size_t const image = AlignedArray<Dn>::bytes_for(raster) +
                            AlignedArray<std::uint16_t>::bytes_for(raster) +
                            AlignedArray<StarfmSummand>::bytes_for(raster);
  // With and without T, when the number of pairs at a pixel decides.
  std::size_t const forms = settings.use_t.has_value() || settings.pairs == 1 ? 1 : 2;
  std::size_t const images =
      targets <= most_targets_with_images ? to_size(targets) * to_size(pairs) * forms * image : 0;
  std::size_t const raster_arrays = AlignedArray<std::int32_t>::bytes_for(raster) +
                                    AlignedArray<double>::bytes_for(raster) +
                                    AlignedArray<Dn>::bytes_for(cells) +
                                    AlignedArray<std::uint16_t>::bytes_for(reach_columns(settings.window));
  std::size_t const plans = to_size(core) * to_size(core) * sizeof(StarfmPlan const*);
  return to_size(pairs) * per_pair + images + raster_arrays + plans +
         StarfmScratch::bytes(settings.window, targets) + StarfmRow::bytes(core, targets);
}

StarfmBlock::StarfmBlock(StarfmTile const& tile, Rect const& core_px)
    : tile_(tile),
      core_px_(core_px),
      raster_px_{core_px.x - tile.settings.before(), core_px.y - tile.settings.before(),
                 core_px.width + tile.settings.window - 1, core_px.height + tile.settings.window - 1},
      raster_cols_(raster_px_.width),
      raster_rows_(raster_px_.height),
      per_pixel_(has_own_cells(tile.settings, tile.input.ratio)),
      frame_(cell_frame(tile.input)),
      planes_(tile.pairs.size()),
      planner_(tile.pairs, tile.input.targets, tile.settings, tile.max_gap_days),
      scratch_(tile.settings.window, static_cast<int>(tile.input.targets.size())),
      row_(core_px.width, static_cast<int>(tile.input.targets.size())) {
  StarfmSettings const& settings = tile.settings;
  view_.cols = core_px.width;
  view_.window = settings.window;
  view_.before = settings.before();
  view_.pitch = raster_cols_;
  view_.targets = static_cast<int>(tile.input.targets.size());
  view_.range = tile.range;
  view_.both_tests = settings.both_tests;
  view_.centre_max = settings.centre_max;
  view_.log_weights = settings.log_weights;
  view_.distance_px = settings.distance_px;
  view_.stride = StarfmScratch::padded(view_.targets);
  view_.pairs.resize(tile.pairs.size());
  find_cells();
  make_plans();
  find_images();
}

void StarfmBlock::find_cells() {
  Rect const inside = intersect(raster_px_, tile_.input.scene_px);
  int const ratio = tile_.input.ratio;
  cells_ = per_pixel_
               ? Rect{0, 0, raster_cols_, raster_rows_}
               : Rect{inside.x / ratio, inside.y / ratio, (inside.right() - 1) / ratio - inside.x / ratio + 1,
                      (inside.bottom() - 1) / ratio - inside.y / ratio + 1};
  auto const cell_of = [&](int position, int first_inside, int last_inside, int first_cell) {
    return std::clamp(position, first_inside, last_inside) / ratio - first_cell;
  };
  for (int c = 0; c < raster_cols_; ++c) {
    column_cell_.push_back(per_pixel_ ? c
                                      : cell_of(raster_px_.x + c, inside.x, inside.right() - 1, cells_.x));
  }
  for (int r = 0; r < raster_rows_; ++r) {
    row_cell_.push_back(per_pixel_ ? r : cell_of(raster_px_.y + r, inside.y, inside.bottom() - 1, cells_.y));
  }
  std::size_t const raster = to_size(raster_cols_) * to_size(raster_rows_);
  cell_ = AlignedArray<std::int32_t>(raster);
  inverse_distance_ =
      AlignedArray<double>(StarfmScratch::group + to_size(raster_cols_) * to_size(view_.window));
  std::fill_n(inverse_distance_.data(), inverse_distance_.size(), 0.0);
  view_.inverse_distance = inverse_distance_.data() + StarfmScratch::group;
  for (int r = 0; r < raster_rows_; ++r) {
    for (int c = 0; c < raster_cols_; ++c) {
      std::size_t const i = to_size(raster_index(c, r));
      cell_[i] = row_cell_[to_size(r)] * cells_.width + column_cell_[to_size(c)];
    }
  }
  group_reach_ = AlignedArray<std::uint16_t>(reach_columns(view_.window));
  std::fill_n(group_reach_.data(), group_reach_.size(), std::uint16_t{0});
  for (int i = 0; i < StarfmScratch::group; ++i) {
    auto const bit = static_cast<std::uint16_t>(1U << (StarfmScratch::group - 1 - i));
    for (int c = 0; c < view_.window; ++c) group_reach_[to_size(i + c)] |= bit;
  }
  for (int r = 0; r < view_.window; ++r) {
    for (int c = 0; c < view_.window; ++c) {
      double const dx = c - view_.before, dy = r - view_.before;
      inverse_distance_[StarfmScratch::group + to_size(raster_index(c, r))] =
          1.0 / (1.0 + std::sqrt(dx * dx + dy * dy) / tile_.settings.distance_px);
    }
  }
  view_.cell = cell_.data();
  view_.group_reach = group_reach_.data();
  coarse_ = AlignedArray<Dn>(to_size(cells_.width) * to_size(cells_.height));
}

Dn StarfmBlock::coarse_at(int date, int band, int cell_x, int cell_y) const {
  Rect const& held = tile_.input.cells;
  return tile_.input.coarse.dn.at(date, band, cell_y - held.y, cell_x - held.x);
}

/// The coarse image of a date at cell (column, row) of the block.
Dn StarfmBlock::coarse_value(int date, int band, int column, int row) const {
  if (!per_pixel_) return coarse_at(date, band, cells_.x + column, cells_.y + row);
  Rect const& scene = tile_.input.scene_px;
  int const x = raster_px_.x + column, y = raster_px_.y + row;
  if (x < scene.x || x >= scene.right() || y < scene.y || y >= scene.bottom()) return no_data_dn;
  if (tile_.input.ratio == 1) return coarse_at(date, band, x, y);
  return bilinear_cells(frame_, x, y).over(tile_.input.coarse.dn.row(date, band, 0)).rounded();
}

/// Which pairs each pixel uses: the same for all bands, since a pixel is valid in all bands or in none.
void StarfmBlock::make_plans() {
  FusionInput const& input = tile_.input;
  std::vector<bool> usable(tile_.pairs.size(), true), last;
  StarfmPlan const* plan = nullptr;
  for (int y = 0; y < core_px_.height; ++y) {
    for (int x = 0; x < core_px_.width; ++x) {
      if (!tile_.settings.usda) {
        int const column = x + view_.before, row = y + view_.before;
        for (std::size_t p = 0; p < tile_.pairs.size(); ++p) {
          Dn const fine = input.fine.dn.at(tile_.pairs[p].fine, 0, core_px_.y + y - input.padded_px.y,
                                           core_px_.x + x - input.padded_px.x);
          usable[p] =
              fine != no_data_dn && coarse_value(tile_.pairs[p].coarse, 0, column_cell_[to_size(column)],
                                                 row_cell_[to_size(row)]) != no_data_dn;
        }
      }
      if (plan == nullptr || usable != last) plan = &planner_.plan(usable);
      last = usable;
      view_.plans.push_back(plan);
    }
  }
}

void StarfmBlock::load_band(int band) {
  StarfmThresholds const& thresholds = tile_.thresholds[to_size(band)];
  view_.tables = tile_.tables[to_size(band)];
  view_.spectral = thresholds.spectral;
  view_.temporal = thresholds.temporal;
  view_.combined = thresholds.combined;
  view_.variance = thresholds.variance;
  for (int p = 0; p < static_cast<int>(tile_.pairs.size()); ++p) {
    load_pair(p, band);
    load_change(p, band);
    load_similarity(p, band);
  }
  load_images();
}

/// The fine image and its difference to the coarse one.
void StarfmBlock::load_pair(int pair, int band) {
  FusionInput const& input = tile_.input;
  Pair const& dates = tile_.pairs[to_size(pair)];
  for (int y = 0; y < cells_.height; ++y) {
    for (int x = 0; x < cells_.width; ++x) {
      coarse_[to_size(y * cells_.width + x)] = coarse_value(dates.coarse, band, x, y);
    }
  }
  PairPlanes& planes = planes_[to_size(pair)];
  std::size_t const raster = to_size(raster_cols_) * to_size(raster_rows_);
  if (planes.fine.size() == 0) {
    planes.fine = AlignedArray<Dn>(raster);
    planes.difference = AlignedArray<std::uint16_t>(raster);
  }
  Rect const inside = intersect(raster_px_, input.scene_px);
  std::fill_n(planes.fine.data(), raster, no_data_dn);
  std::fill_n(planes.difference.data(), raster, std::uint16_t{0});
  for (int y = inside.y; y < inside.bottom(); ++y) {
    Dn const* const from =
        input.fine.dn.row(dates.fine, band, y - input.padded_px.y) + (inside.x - input.padded_px.x);
    std::size_t const first = to_size(raster_index(inside.x - raster_px_.x, y - raster_px_.y));
    for (std::size_t c = 0; c < to_size(inside.width); ++c) {
      Dn const coarse = coarse_[to_size(cell_[first + c])];
      planes.fine[first + c] = coarse == no_data_dn ? no_data_dn : from[c];
      planes.difference[first + c] = static_cast<std::uint16_t>(std::abs(from[c] - coarse));
    }
  }
  StarfmPairView& view = view_.pairs[to_size(pair)];
  view.fine = planes.fine.data();
  view.difference = planes.difference.data();
}

/// The images that must be similar: of the band itself, or of the listed bands.
void StarfmBlock::load_similarity(int pair, int band) {
  FusionInput const& input = tile_.input;
  std::vector<int> const& bands = tile_.settings.similarity_bands;
  PairPlanes& planes = planes_[to_size(pair)];
  StarfmPairView& view = view_.pairs[to_size(pair)];
  if (bands.empty()) {
    planes.limits.resize(1);
    view.similarity = {similarity(pair, band, planes.fine.data(), planes.limits.front())};
    return;
  }
  if (!planes.similar.empty()) return;  // the same for all bands
  Rect const inside = intersect(raster_px_, input.scene_px);
  for (int const other : bands) {
    AlignedArray<Dn>& plane = planes.similar.emplace_back(planes.fine.size());
    std::fill_n(plane.data(), plane.size(), no_data_dn);
    for (int y = inside.y; y < inside.bottom(); ++y) {
      Dn const* const from =
          input.fine.dn.row(tile_.pairs[to_size(pair)].fine, other, y - input.padded_px.y) +
          (inside.x - input.padded_px.x);
      std::size_t const first = to_size(raster_index(inside.x - raster_px_.x, y - raster_px_.y));
      for (std::size_t c = 0; c < to_size(inside.width); ++c) {
        plane[first + c] = planes.fine[first + c] == no_data_dn ? no_data_dn : from[c];
      }
    }
    view.similarity.push_back(similarity(pair, other, plane.data(), planes.limits.emplace_back()));
  }
}

/// A fine image with its limit, or with zones the limits of the core's pixels.
StarfmSimilarity StarfmBlock::similarity(int pair, int band, Dn const* fine,
                                         AlignedArray<std::int32_t>& limits) const {
  if (tile_.settings.zone_px == 0)
    return {.fine = fine, .delta = tile_.similar_dn[to_size(pair)][to_size(band)]};
  ZoneField const& sigma = tile_.sigma[to_size(pair)][to_size(band)];
  if (limits.size() == 0)
    limits = AlignedArray<std::int32_t>(to_size(raster_cols_) * to_size(core_px_.height));
  for (int y = 0; y < core_px_.height; ++y) {
    for (int x = 0; x < core_px_.width; ++x) {
      limits[to_size(raster_index(x, y))] =
          starfm_similar_dn(sigma.at(core_px_.x + x, core_px_.y + y), tile_.settings);
    }
  }
  return {.fine = fine, .limits = limits.data()};
}

/// Coarse change from the pair to every target, and the weights that follow from it.
void StarfmBlock::load_change(int pair, int band) {
  PairPlanes& planes = planes_[to_size(pair)];
  std::size_t const stride = to_size(view_.stride), size = coarse_.size() * stride;
  bool const damped = !per_pixel_ && tile_.settings.use_t.value_or(true);
  if (planes.change.size() == 0) {
    planes.change = AlignedArray<double>(size);
    if (damped) planes.damping = AlignedArray<double>(size);
    planes.complete = AlignedArray<std::uint8_t>(coarse_.size());
    std::fill_n(planes.change.data(), size, 0.0);
    if (damped) std::fill_n(planes.damping.data(), size, 0.0);
  }
  for (int y = 0; y < cells_.height; ++y) {
    for (int x = 0; x < cells_.width; ++x) {
      std::size_t const cell = to_size(y * cells_.width + x);
      planes.complete[cell] = 1;
      for (std::size_t t = 0; t < to_size(view_.targets); ++t) {
        int const date = tile_.target_coarse[t];
        Dn const coarse = date < 0 ? no_data_dn : coarse_value(date, band, x, y);
        int const change = coarse - coarse_[cell];
        bool const present = coarse != no_data_dn;
        planes.change[cell * stride + t] = present ? change : starfm_missing_change;
        if (damped)
          planes.damping[cell * stride + t] = view_.tables.reciprocal[present ? std::abs(change) : 0];
        if (!present) planes.complete[cell] = 0;
      }
    }
  }
  StarfmPairView& view = view_.pairs[to_size(pair)];
  view.change = planes.change.data();
  view.damping = damped ? planes.damping.data() : nullptr;
  view.complete = planes.complete.data();
}

/// Which images the plans ask for, when there are few targets.
void StarfmBlock::find_images() {
  bool const far_plateau = std::ranges::all_of(tile_.thresholds, [](StarfmThresholds const& thresholds) {
    return thresholds.combined >= least_logarithmic_plateau;
  });
  if (tile_.settings.usda || view_.targets > most_targets_with_images ||
      (tile_.settings.log_weights && !far_plateau))
    return;
  view_.images.resize(to_size(view_.targets) * tile_.pairs.size() * 2);
  std::vector<bool> found(view_.images.size(), false);
  std::set<StarfmPlan const*> const plans(view_.plans.begin(), view_.plans.end());
  for (StarfmPlan const* const plan : plans) {
    for (StarfmRun const& run : plan->runs) {
      for (int t = run.first; t < run.last; ++t) {
        for (int k = 0; k < run.pairs; ++k) {
          int const pair = run.pair[to_size(k)];
          std::size_t const index = view_.image_index(t, pair, run.use_t);
          if (!found[index]) images_.push_back({.target = t, .pair = pair, .use_t = run.use_t});
          found[index] = true;
        }
      }
    }
  }
  std::size_t const raster = to_size(raster_cols_) * to_size(raster_rows_);
  for (ImagePlanes& planes : images_) {
    planes.fine = AlignedArray<Dn>(raster);
    planes.temporal = AlignedArray<std::uint16_t>(raster);
    planes.summands = AlignedArray<StarfmSummand>(raster);
    view_.images[view_.image_index(planes.target, planes.pair, planes.use_t)] = {
        planes.fine.data(), planes.temporal.data(), planes.summands.data()};
  }
}

/// What every pixel brings as a neighbour, for each image.
void StarfmBlock::load_images() {
  StarfmTables const& tables = view_.tables;
  double const infinite = std::numeric_limits<double>::infinity();
  for (ImagePlanes& planes : images_) {
    StarfmPairView const& pair = view_.pairs[to_size(planes.pair)];
    double const* const changes = pair.change + planes.target;
    auto const stride = static_cast<std::ptrdiff_t>(view_.stride);
    for (std::size_t i = 0; i < planes.fine.size(); ++i) {
      double const change = changes[cell_[i] * stride];
      bool const known = change != starfm_missing_change;
      int const s = pair.difference[i];
      int const t = known ? static_cast<int>(std::abs(change)) : 0;
      double scale = tables.plateau[s] != 0 ? infinite : tables.falloff[s];
      if (planes.use_t) {
        bool const on_plateau = s < tables.plateau_levels && t <= tables.plateau_t[s];
        scale = on_plateau ? infinite : tables.reciprocal[s] * tables.reciprocal[t];
      }
      bool const present = known && pair.fine[i] != no_data_dn;
      planes.fine[i] = present ? pair.fine[i] : no_data_dn;
      planes.temporal[i] = static_cast<std::uint16_t>(t);
      planes.summands[i] = {scale, present ? pair.fine[i] + change : 0.0};
    }
  }
}

void StarfmBlock::fuse(FusionOutput& output) {
  for (int band = 0; band < output.dn.bands(); ++band) {
    load_band(band);
    for (int row = 0; row < core_px_.height; ++row) {
      if (tile_.settings.usda) {
        starfm_reference_row(view_, row, row_);
      } else {
        starfm_row(view_, row, scratch_, row_);
      }
      write_row(band, row, output);
    }
  }
}

void StarfmBlock::write_row(int band, int row, FusionOutput& output) const {
  int const y = core_px_.y + row - tile_.input.core_px.y;
  int const first = core_px_.x - tile_.input.core_px.x;
  std::size_t const stride = to_size(row_.stride);
  for (int t = 0; t < view_.targets; ++t) {
    Dn* const dn = output.dn.row(t, band, y) + first;
    Dn* const uncertainty = output.uncertainty.row(t, band, y) + first;
    quality::Flags* const flags = output.quality.row(t, 0, y) + first;
    for (std::size_t x = 0; x < to_size(core_px_.width); ++x) {
      std::size_t const at = x * stride + to_size(t);
      dn[x] = row_.dn[at];
      uncertainty[x] = row_.uncertainty[at];
      // The first band with a prediction takes "no data" away.
      if (row_.flags[at] != 0) {
        flags[x] = static_cast<quality::Flags>((flags[x] & ~quality::no_data) | row_.flags[at]);
      }
    }
    if (output.exact == nullptr) continue;
    double* const exact = output.exact->row(t, band, y) + first;
    for (std::size_t x = 0; x < to_size(core_px_.width); ++x) exact[x] = row_.exact[x * stride + to_size(t)];
  }
}

}  // namespace stfcube
