#include "stfcube/models/classical/vipstf_tile.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/pair_runs.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

bool holds(CandidateSet set, std::size_t candidate) {
  return (set >> candidate & 1U) != 0;
}

/// Residuals are unmixed in steps of 1/16 DN, as whole numbers.
constexpr double residual_step = 1.0 / 16;

/// Cells that a rectangle touches.
Rect touched(Rect const& px, int ratio) {
  Rect const outer = align_outward(px, ratio);
  return {outer.x / ratio, outer.y / ratio, outer.width / ratio, outer.height / ratio};
}

}  // namespace

VipstfTile::VipstfTile(FusionInput const& tile_input, VipstfSettings const& model_settings,
                       Quantity const& valid_range, std::vector<double> const& sensor_sigma,
                       CoarseRegressions const& model_regressions, int tolerance_days)
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
    target.date = input.targets[t];
    target.coarse = coarse_dates[t];
    target.dates = regressions.candidates(target.date);
    for (Date const date : target.dates) {
      auto const found = std::ranges::find(at_hand, date, &Pair::date);
      target.pairs.push_back(found == at_hand.end() ? Pair{.date = date, .fine = -1, .coarse = -1} : *found);
    }
    if (settings.local > 0) continue;
    for (auto const zone : zones) target.sums[zone] = regressions.sums(target.date, zone);
  }
}

std::size_t VipstfTile::bytes(VipstfSettings const& settings, int ratio, TileShape const& shape) {
  std::size_t const sums =
      to_size(shape.bands) * RegressionSums::count(settings.candidates()) * sizeof(ExactSum) + 128;
  constexpr std::size_t zones = 9;
  std::size_t const per_target = zones * (std::size_t{1} << settings.candidates()) * sums + 1024;
  std::size_t total = to_size(shape.targets) * per_target;
  if (!settings.unmixed) return total;
  std::size_t const cells =
      to_size(shape.padded_width / ratio + 2) * to_size(shape.padded_height / ratio + 2);
  std::size_t const padded = to_size(shape.padded_width) * to_size(shape.padded_height);
  std::size_t const combination =
      sizeof(ImageCombination) + to_size(settings.candidates() + 4) * sizeof(double);
  std::size_t const fields =
      (std::size_t{1} << settings.candidates()) * cells * to_size(shape.bands) * combination;
  std::size_t const of_cell = to_size(settings.classes) * sizeof(double) * to_size(shape.bands + 2);
  return total + to_size(shape.fine_dates) * padded * sizeof(std::int16_t) +
         to_size(shape.targets * settings.candidates()) * cells * of_cell +
         2 * unmix_bytes(cells, settings.classes, shape.bands) + fields +
         cells * (to_size(shape.bands) * 8 + 64);
}

CandidateSet VipstfTile::valid_at(Target const& target, int column, int row) const {
  if (coarse(target.coarse, 0, column, row) == no_data_dn) return 0;
  CandidateSet set = 0;
  for (std::size_t i = 0; i < target.pairs.size(); ++i) {
    Pair const& pair = target.pairs[i];
    set |= pair.fine >= 0 && coarse(pair.coarse, 0, column, row) != no_data_dn ? 1U << i : 0U;
  }
  return set;
}

/// Each cell with the best candidates that are valid there.
CellValues VipstfTile::residual_of(Target const& target, Rect const& cells) const {
  int const bands = input.coarse.dn.bands();
  auto const size = static_cast<std::size_t>(cells.area());
  CellValues values{bands, std::vector<std::int32_t>(to_size(bands) * size), std::vector<std::uint8_t>(size)};
  std::map<CandidateSet, CombinationField> fields;
  std::size_t cell = 0;
  for (int row = cells.y; row < cells.bottom(); ++row) {
    for (int column = cells.x; column < cells.right(); ++column, ++cell) {
      CandidateSet const set = first_of(valid_at(target, column, row), settings.pairs);
      if (set == 0) continue;
      auto const& field = fields.try_emplace(set, *this, target, set, cells).first->second;
      if (!field.present(column, row)) continue;
      values.valid[cell] = 1;
      for (int band = 0; band < bands; ++band) {
        values.values[to_size(band) * size + cell] =
            static_cast<std::int32_t>(std::llround(field.residual(column, row, band) / residual_step));
      }
    }
  }
  return values;
}

void VipstfTile::unmix_residuals(FineClasses const& classes) {
  std::map<Date, CellFractions> fractions;
  UnmixSettings const unmixing{.radius = settings.radius, .ridge = settings.ridge};
  for (Target& target : targets) {
    target.residuals.resize(target.pairs.size());
    if (target.coarse < 0) continue;
    for (std::size_t k = 0; k < target.pairs.size(); ++k) {
      auto const [date, fine, coarse_image] = target.pairs[k];
      int const count = classes.count(date);
      if (fine < 0 || count == 0) continue;
      if (!labels.contains(date)) {
        labels[date] = classes.labels(input, fine);
        fractions[date] = block_fractions(count_cell_classes(input, labels[date], count));
      }
      CellFractions const& shares = fractions[date];
      std::vector<double> const prior(to_size(count) * to_size(input.coarse.dn.bands()), 0.0);
      target.residuals[k] = unmix(shares, residual_of(target, shares.cells), residual_step, prior, unmixing,
                                  cell_frame(input).scene, touched(input.core_px, input.ratio));
    }
  }
}

CombinationField::CombinationField(VipstfTile const& tile, VipstfTile::Target const& target, CandidateSet set,
                                   Rect const& cells)
    : tile_(tile),
      target_(target),
      set_(set),
      cells_(cells),
      bands_(tile.input.coarse.dn.bands()),
      uniform_(tile.settings.local == 0 && tile.one_zone) {
  Negative const negative = tile.settings.negative;
  if (uniform_) {
    combinations_ = combine(target.sums.begin()->second, set, target.dates, target.date, bands_, negative);
    return;
  }
  std::map<StatZones::Zone, std::vector<ImageCombination>> of_zones;
  for (auto const& [zone, sums] : target.sums)
    of_zones[zone] = combine(sums, set, target.dates, target.date, bands_, negative);
  for (int row = cells.y; row < cells.bottom(); ++row) {
    for (int column = cells.x; column < cells.right(); ++column) {
      auto combinations = tile.settings.local > 0 ? local(column, row) : mixed(of_zones, column, row);
      combinations.resize(to_size(bands_));
      std::ranges::move(combinations, std::back_inserter(combinations_));
    }
  }
}

double CombinationField::residual(int column, int row, int band) const {
  ImageCombination const& line = at(column, row, band);
  double explained = 0;
  for (std::size_t k = 0; k < target_.pairs.size(); ++k) {
    if (holds(set_, k))
      explained += line.factors[k] * tile_.coarse(target_.pairs[k].coarse, band, column, row);
  }
  return tile_.coarse(target_.coarse, band, column, row) - (explained + line.offset);
}

/// From the cells around one cell.
std::vector<ImageCombination> CombinationField::local(int column, int row) const {
  int const r = tile_.settings.local;
  std::size_t const images = target_.pairs.size();
  std::size_t const per_band = RegressionSums::count(static_cast<int>(images));
  Rect const window = intersect(tile_.input.cells, {column - r, row - r, 2 * r + 1, 2 * r + 1});
  std::vector<std::int64_t> sums(to_size(bands_) * per_band);
  std::vector<int> values(images);
  for (int y = window.y; y < window.bottom(); ++y) {
    for (int x = window.x; x < window.right(); ++x) {
      if ((tile_.valid_at(target_, x, y) & set_) != set_) continue;
      for (int band = 0; band < bands_; ++band) {
        for (std::size_t i = 0; i < images; ++i)
          values[i] = holds(set_, i) ? tile_.coarse(target_.pairs[i].coarse, band, x, y) : 0;
        RegressionSums::add(std::span(sums).subspan(to_size(band) * per_band, per_band),
                            std::span<int const>(values), tile_.coarse(target_.coarse, band, x, y));
      }
    }
  }
  if (sums.front() == 0) return {};
  return combine({{set_, std::vector<ExactSum>(sums.begin(), sums.end())}}, set_, target_.dates, target_.date,
                 bands_, tile_.settings.negative);
}

/// Interpolated between the zones around one cell; those without a combination are left out.
std::vector<ImageCombination> CombinationField::mixed(
    std::map<StatZones::Zone, std::vector<ImageCombination>> const& of_zones, int column, int row) const {
  int const ratio = tile_.input.ratio;
  Rect const& scene = tile_.input.scene_px;
  auto const mixture =
      tile_.regressions.zones().at(scene, std::min(column * ratio + ratio / 2, scene.right() - 1),
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

}  // namespace stfcube
