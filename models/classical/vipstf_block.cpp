#include "stfcube/models/classical/vipstf_block.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/pair_runs.hpp"

namespace stfcube {
namespace {

constexpr auto columns = static_cast<std::size_t>(SimilarSearch::columns);
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::size_t to_size(int n) { return static_cast<std::size_t>(n); }

bool holds(CandidateSet set, std::size_t candidate) { return (set >> candidate & 1U) != 0; }

/// Candidates of a set as an index, at most so many sets.
std::size_t most_sets(VipstfSettings const& settings) { return std::size_t{1} << settings.candidates(); }

}  // namespace

VipstfTile::VipstfTile(FusionInput const& tile_input, VipstfSettings const& model_settings, Quantity const& valid_range,
                       std::vector<double> const& sensor_sigma, CoarseRegressions const& model_regressions,
                       int tolerance_days)
    : input(tile_input),
      settings(model_settings),
      range(valid_range),
      sigma(sensor_sigma),
      regressions(model_regressions) {
  auto const at_hand = find_pairs(input.fine.dates, input.coarse.dates, tolerance_days);
  auto const coarse_dates = coarse_of_targets(input);
  // Residuals are needed two cells beyond those of the padded rectangle.
  Rect const reach = intersect(grow(input.padded_px, 3 * input.ratio), input.scene_px);
  auto const zones = regressions.zones().zones_of(input.scene_px, reach);
  one_zone = regressions.zones().zones_of(input.scene_px, input.scene_px).size() == 1;
  for (std::size_t t = 0; t < input.targets.size(); ++t) {
    Target& target = targets.emplace_back();
    target.coarse = coarse_dates[t];
    target.dates = regressions.candidates(input.targets[t]);
    for (Date const date : target.dates) {
      auto const found = std::ranges::find(at_hand, date, &Pair::date);
      target.pairs.push_back(found == at_hand.end() ? Pair{.date = date, .fine = -1, .coarse = -1} : *found);
    }
    if (settings.local > 0) continue;
    for (auto const zone : zones) target.sums[zone] = regressions.sums(input.targets[t], zone);
  }
}

std::size_t VipstfTile::bytes(VipstfSettings const& settings, int bands) {
  std::size_t const sums = to_size(bands) * RegressionSums::count(settings.candidates()) * sizeof(ExactSum);
  constexpr std::size_t zones = 9;
  return zones * most_sets(settings) * (sums + 128) + 1024;
}

std::size_t VipstfBlock::bytes(VipstfSettings const& settings, int ratio, int bands) {
  int const side = SimilarSearch::largest_side, raster_side = side + 2 * settings.window.half_px;
  std::size_t const raster = to_size(raster_side) * to_size(raster_side), pixels = to_size(side) * to_size(side);
  std::size_t const cell_side = to_size(ColumnCells::most_cells(raster_side, ratio));
  std::size_t const cells = cell_side * cell_side;
  std::size_t const combination = sizeof(ImageCombination) + to_size(settings.candidates() + 4) * sizeof(double);
  return SimilarSearch::bytes(settings.window, side, side, static_cast<int>(settings.similarity_bands.size())) +
         SimilarLists::bytes(side * side, settings.window.wanted) + ColumnCells::bytes(raster_side, ratio) +
         cells * (1 + most_sets(settings) * to_size(bands) * combination) +
         raster * (to_size(bands) * sizeof(double) + 2) + pixels +
         AlignedArray<double>::bytes_for(raster * columns) + to_size(raster_side) * columns * sizeof(double) +
         to_size(side) * sizeof(SimilarSearch::Means) + 4096;
}

VipstfBlock::VipstfBlock(VipstfTile const& tile, Rect const& core_px)
    : tile_(tile),
      core_px_(core_px),
      raster_px_(grow(core_px, tile.settings.window.half_px)),
      inside_px_(intersect(raster_px_, tile.input.scene_px)),
      bands_(tile.input.coarse.dn.bands()),
      search_(tile.settings.window, core_px.width, core_px.height),
      lists_(core_px.width * core_px.height, tile.settings.window.wanted),
      cells_(inside_px_, tile.input.ratio, cell_frame(tile.input).scene),
      cell_sets_(cells_.count()),
      sets_(search_.raster_size()),
      virtual_(to_size(bands_)),
      usable_(search_.raster_size()),
      asked_(static_cast<std::size_t>(core_px.area())),
      images_(search_.raster_size() * columns),
      residual_row_(to_size(inside_px_.width) * columns),
      means_(to_size(core_px.width)) {
  for (auto& plane : virtual_) plane.resize(search_.raster_size());
}

std::size_t VipstfBlock::cell_of(int x, int y) const { return cells_.cell(x / tile_.input.ratio, y / tile_.input.ratio); }

Dn VipstfBlock::coarse(int date, int band, int column, int row) const {
  Rect const& held = tile_.input.cells;
  return tile_.input.coarse.dn.at(date, band, row - held.y, column - held.x);
}

void VipstfBlock::fuse(FusionOutput& output) {
  for (int t = 0; t < static_cast<int>(tile_.targets.size()); ++t) fuse_target(t, output);
}

void VipstfBlock::fuse_target(int number, FusionOutput& output) {
  Target const& target = tile_.targets[to_size(number)];
  if (target.coarse < 0 || target.pairs.empty()) return;
  find_sets(target);
  fields_.clear();
  for (CandidateSet set = 1; set < most_sets(tile_.settings); ++set) {
    if (std::ranges::find(sets_, static_cast<std::uint8_t>(set)) != sets_.end())
      fields_[set] = make_field(target, tile_.input.targets[to_size(number)], set);
  }
  make_virtual_image(target);
  if (std::ranges::none_of(asked_, [](std::uint8_t asked) { return asked != 0; })) return;
  search(target);
  for (int band = 0; band < bands_; band += SimilarSearch::columns) {
    int const bands = std::min(SimilarSearch::columns, bands_ - band);
    spread_residual(target, band, bands);
    for (int y = 0; y < core_px_.height; ++y) write_row(target, number, y, band, bands, output);
  }
}

/// Which candidates each pixel uses: the best valid ones.
void VipstfBlock::find_sets(Target const& target) {
  Rect const& cells = cells_.cells();
  for (int row = cells.y; row < cells.bottom(); ++row) {
    for (int column = cells.x; column < cells.right(); ++column) {
      CandidateSet set = 0;
      for (std::size_t i = 0; i < target.pairs.size(); ++i) {
        Pair const& pair = target.pairs[i];
        set |= pair.fine >= 0 && coarse(pair.coarse, 0, column, row) != no_data_dn ? 1U << i : 0U;
      }
      bool const valid = coarse(target.coarse, 0, column, row) != no_data_dn;
      cell_sets_[cells_.cell(column, row)] = static_cast<std::uint8_t>(valid ? set : 0);
    }
  }
  std::ranges::fill(sets_, std::uint8_t{0});
  Rect const& padded = tile_.input.padded_px;
  for (int y = inside_px_.y; y < inside_px_.bottom(); ++y) {
    for (int x = inside_px_.x; x < inside_px_.right(); ++x) {
      CandidateSet set = cell_sets_[cell_of(x, y)];
      for (std::size_t i = 0; i < target.pairs.size(); ++i) {
        if (holds(set, i) && tile_.input.fine.dn.at(target.pairs[i].fine, 0, y - padded.y, x - padded.x) == no_data_dn)
          set &= ~(1U << i);
      }
      sets_[search_.window_at(x - raster_px_.x, y - raster_px_.y)] =
          static_cast<std::uint8_t>(first_of(set, tile_.settings.pairs));
    }
  }
}

VipstfBlock::Field VipstfBlock::make_field(Target const& target, Date date, CandidateSet set) const {
  Field field;
  field.uniform = tile_.settings.local == 0 && tile_.one_zone;
  if (field.uniform) {
    field.combinations =
        combine(target.sums.begin()->second, set, target.dates, date, bands_, tile_.settings.negative);
    return field;
  }
  std::map<StatZones::Zone, std::vector<ImageCombination>> of_zones;
  for (auto const& [zone, sums] : target.sums)
    of_zones[zone] = combine(sums, set, target.dates, date, bands_, tile_.settings.negative);
  Rect const& cells = cells_.cells();
  for (int row = cells.y; row < cells.bottom(); ++row) {
    for (int column = cells.x; column < cells.right(); ++column) {
      auto combinations = tile_.settings.local > 0 ? local_combination(target, date, set, column, row)
                                                   : zone_combination(of_zones, column, row);
      combinations.resize(to_size(bands_));
      std::ranges::move(combinations, std::back_inserter(field.combinations));
    }
  }
  return field;
}

/// From the cells around one cell.
std::vector<ImageCombination> VipstfBlock::local_combination(Target const& target, Date date, CandidateSet set,
                                                             int column, int row) const {
  int const r = tile_.settings.local;
  auto const images = static_cast<int>(target.pairs.size());
  std::size_t const per_band = RegressionSums::count(images);
  Rect const window = intersect(tile_.input.cells, {column - r, row - r, 2 * r + 1, 2 * r + 1});
  std::vector<std::int64_t> sums(to_size(bands_) * per_band);
  std::vector<int> values(target.pairs.size());
  for (int y = window.y; y < window.bottom(); ++y) {
    for (int x = window.x; x < window.right(); ++x) {
      bool valid = coarse(target.coarse, 0, x, y) != no_data_dn;
      for (std::size_t i = 0; i < target.pairs.size(); ++i)
        valid = valid && (!holds(set, i) || coarse(target.pairs[i].coarse, 0, x, y) != no_data_dn);
      if (!valid) continue;
      for (int band = 0; band < bands_; ++band) {
        for (std::size_t i = 0; i < target.pairs.size(); ++i)
          values[i] = holds(set, i) ? coarse(target.pairs[i].coarse, band, x, y) : 0;
        RegressionSums::add(std::span(sums).subspan(to_size(band) * per_band, per_band), std::span<int const>(values),
                            coarse(target.coarse, band, x, y));
      }
    }
  }
  if (sums.front() == 0) return {};
  return combine({{set, std::vector<ExactSum>(sums.begin(), sums.end())}}, set, target.dates, date, bands_,
                 tile_.settings.negative);
}

/// Interpolated between the zones around one cell.
std::vector<ImageCombination> VipstfBlock::zone_combination(
    std::map<StatZones::Zone, std::vector<ImageCombination>> const& of_zones, int column, int row) const {
  int const ratio = tile_.input.ratio;
  Rect const& scene = tile_.input.scene_px;
  auto const mixture = tile_.regressions.zones().at(scene, std::min(column * ratio + ratio / 2, scene.right() - 1),
                                                    std::min(row * ratio + ratio / 2, scene.bottom() - 1));
  std::vector<ImageCombination> mixed;
  double total = 0;
  for (std::size_t i = 0; i < mixture.zones.size(); ++i) {
    auto const found = of_zones.find(mixture.zones[i]);
    if (mixture.weights[i] == 0 || found == of_zones.end() || found->second.empty()) continue;
    auto const& part = found->second;
    double const weight = mixture.weights[i];
    total += weight;
    mixed.resize(part.size(), {.factors = std::vector<double>(part.front().factors.size())});
    for (std::size_t band = 0; band < part.size(); ++band) {
      for (std::size_t k = 0; k < part[band].factors.size(); ++k)
        mixed[band].factors[k] += weight * part[band].factors[k];
      mixed[band].offset += weight * part[band].offset;
      mixed[band].residual += weight * part[band].residual;
    }
  }
  for (ImageCombination& one : mixed) {
    for (double& factor : one.factors) factor /= total;
    one.offset /= total;
    one.residual /= total;
  }
  return mixed;
}

ImageCombination const& VipstfBlock::combination(CandidateSet set, std::size_t cell, int band) const {
  Field const& field = fields_.at(set);
  return field.combinations[(field.uniform ? 0 : cell * to_size(bands_)) + to_size(band)];
}

bool VipstfBlock::has_combination(CandidateSet set, std::size_t cell) const {
  return !fields_.at(set).combinations.empty() && !combination(set, cell, 0).factors.empty();
}

/// The combined fine images; notes where they can be used and where predictions are asked for.
void VipstfBlock::make_virtual_image(Target const& target) {
  std::ranges::fill(usable_, std::uint8_t{0});
  for (auto& plane : virtual_) std::ranges::fill(plane, 0.0);
  Rect const& padded = tile_.input.padded_px;
  for (auto const& [set, field] : fields_) {
    for (int band = 0; band < bands_; ++band) {
      auto& plane = virtual_[to_size(band)];
      for (int y = inside_px_.y; y < inside_px_.bottom(); ++y) {
        std::size_t const first = search_.window_at(inside_px_.x - raster_px_.x, y - raster_px_.y);
        for (int x = inside_px_.x; x < inside_px_.right(); ++x) {
          std::size_t const i = first + to_size(x - inside_px_.x);
          if (sets_[i] != set || !has_combination(set, cell_of(x, y))) continue;
          ImageCombination const& line = combination(set, cell_of(x, y), band);
          double value = 0;
          for (std::size_t k = 0; k < target.pairs.size(); ++k) {
            if (holds(set, k))
              value += line.factors[k] * tile_.input.fine.dn.at(target.pairs[k].fine, band, y - padded.y, x - padded.x);
          }
          plane[i] = value + line.offset;
          usable_[i] = 1;
        }
      }
    }
  }
  for (int y = 0; y < core_px_.height; ++y) {
    for (int x = 0; x < core_px_.width; ++x)
      asked_[to_size(y * core_px_.width + x)] = usable_[search_.window_at(x, y) + search_.centre()];
  }
}

void VipstfBlock::search(Target const&) {
  std::vector<double const*> planes;
  for (int const band : tile_.settings.similarity_bands) planes.push_back(virtual_[to_size(band)].data());
  search_.compare(planes, usable_, SimilarSearch::Measure::squares);
  search_.find(asked_, lists_);
}

/// What the combinations leave of the coarse target, at the fine pixels: each with the candidates that it uses.
void VipstfBlock::spread_residual(Target const& target, int first_band, int bands) {
  Rect const& cells = cells_.cells();
  for (auto const& [set, field] : fields_) {
    double* const residuals = cells_.values();
    for (int row = cells.y; row < cells.bottom(); ++row) {
      for (int column = cells.x; column < cells.right(); ++column) {
        std::size_t const cell = cells_.cell(column, row);
        bool const valid = (cell_sets_[cell] & set) == set && has_combination(set, cell);
        for (int b = 0; b < bands; ++b) {
          double& residual = residuals[cell * columns + to_size(b)];
          residual = nan;
          if (!valid) continue;
          ImageCombination const& line = combination(set, cell, first_band + b);
          double explained = 0;
          for (std::size_t k = 0; k < target.pairs.size(); ++k) {
            if (holds(set, k)) explained += line.factors[k] * coarse(target.pairs[k].coarse, first_band + b, column, row);
          }
          residual = coarse(target.coarse, first_band + b, column, row) - (explained + line.offset);
        }
      }
    }
    for (int y = inside_px_.y; y < inside_px_.bottom(); ++y) {
      cells_.row(y - inside_px_.y, residual_row_.data());
      std::size_t const first = search_.window_at(inside_px_.x - raster_px_.x, y - raster_px_.y);
      for (std::size_t x = 0; x < to_size(inside_px_.width); ++x) {
        if (sets_[first + x] != set) continue;
        double* const to = images_.data() + (first + x) * columns;
        std::copy_n(residual_row_.data() + x * columns, columns, to);
        if (!tile_.settings.filter_all) continue;
        for (std::size_t b = 0; b < to_size(bands); ++b) to[b] += virtual_[to_size(first_band) + b][first + x];
      }
    }
  }
}

quality::Flags VipstfBlock::flags_of(Target const& target, Date date, CandidateSet set) const {
  bool before = false, after = false;
  for (std::size_t k = 0; k < target.dates.size(); ++k) {
    if (!holds(set, k)) continue;
    before = before || target.dates[k] <= date;
    after = after || target.dates[k] >= date;
  }
  auto const all = (CandidateSet{1} << target.dates.size()) - 1;
  quality::Flags flags = quality::fused;
  if (!before || !after) flags |= quality::extrapolated;
  if (set != first_of(all, tile_.settings.pairs)) flags |= quality::input_masked;
  return flags;
}

void VipstfBlock::write_row(Target const& target, int number, int y, int first_band, int bands, FusionOutput& output) {
  search_.average_row(lists_, y, images_.data(), means_);
  FusionInput const& input = tile_.input;
  Date const date = input.targets[to_size(number)];
  int const to_y = core_px_.y + y - input.core_px.y, to_x = core_px_.x - input.core_px.x;
  int const row = (core_px_.y + y) / input.ratio;
  for (int x = 0; x < core_px_.width; ++x) {
    int const pixel = y * core_px_.width + x;
    if (asked_[to_size(pixel)] == 0) continue;
    std::size_t const at = search_.window_at(x, y) + search_.centre();
    CandidateSet const set = sets_[at];
    int const column = (core_px_.x + x) / input.ratio;
    quality::Flags flags = flags_of(target, date, set);
    if (lists_.of(pixel).size() < to_size(tile_.settings.window.wanted)) flags |= quality::low_confidence;
    for (int b = 0; b < bands; ++b) {
      int const band = first_band + b;
      double const mean = means_[to_size(x)].value[b];
      double const spread = std::sqrt(std::max(0.0, means_[to_size(x)].square[b] - mean * mean));
      ImageCombination const& line = combination(set, cells_.cell(column, row), band);
      double change = 0, weight = 0;
      for (std::size_t k = 0; k < target.pairs.size(); ++k) {
        if (!holds(set, k)) continue;
        change += std::abs(line.factors[k]) *
                  (coarse(target.coarse, band, column, row) - coarse(target.pairs[k].coarse, band, column, row));
        weight += std::abs(line.factors[k]);
      }
      double const gain = line.noise_gain();
      double const noise = tile_.sigma[to_size(band)] * std::sqrt(gain * gain + 1);
      double const value = tile_.settings.filter_all ? mean : virtual_[to_size(band)][at] + mean;
      flags |= put(output, tile_.range, number, band, to_y, to_x + x, value,
                   prediction_sigma(noise, spread, weight > 0 ? change / weight : 0));
    }
    quality::Flags& to = output.quality.at(number, 0, to_y, to_x + x);
    to = first_band == 0 ? flags : static_cast<quality::Flags>(to | flags);
  }
}

}  // namespace stfcube
