#include "stfcube/models/classical/disturbance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>

#include <fmt/format.h>

#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

using Component = TasselledCap::Component;

/// Below this standard deviation, DN, a class takes that of the whole image.
constexpr double least_sigma = 10 * tasselled_cap_steps;

/// Sums of one class: number, then sums and sums of squares of the components.
constexpr std::size_t entries = 1 + 2 * TasselledCap::components;

/// The forward mean is not dated from fewer valid dates.
constexpr std::size_t least_dates = 3;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

void add(std::int64_t* to, TasselledCap const& cap) {
  to[0] += 1;
  for (std::size_t c = 0; c < TasselledCap::components; ++c) {
    std::int64_t const value = cap.value[c];
    to[1 + c] += value;
    to[1 + TasselledCap::components + c] += value * value;
  }
}

void flush(std::vector<std::int64_t> const& sums, std::span<ExactSum> row) {
  for (std::size_t i = 0; i < sums.size(); ++i) row[i] += sums[i];
}

std::string coarse_subject(Date date) {
  return fmt::format("staarch/coarse/{}", date.days);
}

}  // namespace

/// Standardises the components of one image, class by class.
class DisturbanceDetector::Scores {
 public:
  /// @param classes  entries of the statistics' rows; the last one holds pixels without a class
  /// @param guarded  small standard deviations are replaced by that of the image
  Scores(StatZones const& zones, Statistics const& statistics, std::string const& subject,
         std::size_t classes, bool guarded, Rect const& scene_px, Rect const& px) {
    std::map<StatZones::Zone, std::vector<ExactSum>> rows;
    for (auto const zone : zones.zones_of(scene_px, px)) {
      rows[zone] = zones.sum(statistics, subject, zone);
      known_ = known_ || !rows[zone].empty();
    }
    if (!known_) return;
    varied_ = rows.size() > 1;
    for (std::size_t k = 0; k < classes; ++k) {
      for (std::size_t c = 0; c < TasselledCap::components; ++c) {
        mean_.emplace_back(zones, scene_px, px,
                           [&](StatZones::Zone zone) { return mean(rows[zone], classes, k, c); });
        sigma_.emplace_back(zones, scene_px, px,
                            [&](StatZones::Zone zone) { return sigma(rows[zone], classes, k, c, guarded); });
        fixed_.push_back({mean_.back().at(px.x, px.y), sigma_.back().at(px.x, px.y)});
      }
    }
  }

  /// Something is known of the image.
  bool known() const { return known_; }

  /// The standardised value of a component; 0 where nothing varies, NaN where the class was not seen.
  double at(std::size_t label, Component c, int x, int y, TasselledCap const& cap) const {
    std::size_t const i = label * TasselledCap::components + c;
    double const mean = varied_ ? mean_[i].at(x, y) : fixed_[i].mean;
    double const sigma = varied_ ? sigma_[i].at(x, y) : fixed_[i].sigma;
    return sigma == 0 ? 0.0 : (cap.value[c] - mean) / sigma;
  }

  double index(std::size_t label, int x, int y, TasselledCap const& cap) const {
    return at(label, TasselledCap::brightness, x, y, cap) - at(label, TasselledCap::greenness, x, y, cap) -
           at(label, TasselledCap::wetness, x, y, cap);
  }

 private:
  struct Fixed {
    double mean, sigma;
  };

  /// One class, or all pixels of the image for the last one.
  static std::array<ExactSum, entries> sums_of(std::vector<ExactSum> const& row, std::size_t classes,
                                               std::size_t k) {
    std::array<ExactSum, entries> sums{};
    if (row.empty()) return sums;
    bool const all = k + 1 == classes;
    for (std::size_t other = all ? 0 : k; other <= k; ++other) {
      for (std::size_t i = 0; i < entries; ++i) sums[i] += row[other * entries + i];
    }
    return sums;
  }

  static double mean(std::vector<ExactSum> const& row, std::size_t classes, std::size_t k, std::size_t c) {
    auto const sums = sums_of(row, classes, k);
    if (sums[0] == 0) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(sums[1 + c]) / static_cast<double>(sums[0]);
  }

  static double sigma(std::vector<ExactSum> const& row, std::size_t classes, std::size_t k, std::size_t c,
                      bool guarded) {
    auto const of = [&](std::size_t entry) {
      auto const sums = sums_of(row, classes, entry);
      return population_sigma(sums[0], sums[1 + c], sums[1 + TasselledCap::components + c]);
    };
    double const own = of(k);
    return guarded && own < least_sigma ? of(classes - 1) : own;
  }

  bool known_ = false, varied_ = false;
  std::vector<ZoneField> mean_, sigma_;  ///< [class, component]
  std::vector<Fixed> fixed_;             ///< the same, without zones
};

DisturbanceDetector::DisturbanceDetector(DisturbanceSettings const& settings, SixBands const& bands)
    : settings_(settings),
      bands_(bands),
      zones_(settings.zone_px),
      classes_({.subject = "staarch/classes", .classes = settings.classes, .class_map = settings.class_map}) {
}

std::string DisturbanceDetector::fine_subject(Date classes, Date image) const {
  return settings_.class_map ? fmt::format("staarch/fine/{}", image.days)
                             : fmt::format("staarch/fine/{}/{}", classes.days, image.days);
}

std::array<Dn, 6> DisturbanceDetector::six(SceneSeries const& series, int image, int y, int x) const {
  std::array<Dn, 6> dn{};
  for (std::size_t i = 0; i < dn.size(); ++i) dn[i] = series.dn.at(image, bands_.index()[i], y, x);
  return dn;
}

/// The class of every padded pixel as an entry of the statistics' rows: the class, the entry after the last
/// one for pixels that the map leaves out, and -1 where the image is invalid or the class unknown.
std::vector<std::int16_t> DisturbanceDetector::labels(FusionInput const& input, int class_image,
                                                      int image) const {
  auto labels = classes_.labels(input, settings_.class_map ? image : class_image);
  auto const none = static_cast<std::int16_t>(classes_.count(input.fine.dates[to_size(class_image)]));
  Dn const* const dn = input.fine.dn.row(image, 0, 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (dn[i] == no_data_dn) {
      labels[i] = -1;
    } else if (labels[i] < 0 && settings_.class_map) {
      labels[i] = none;
    }
  }
  return labels;
}

void DisturbanceDetector::observe(FusionInput const& input, Statistics& statistics) const {
  if (!classes_.done()) {
    classes_.observe(input, statistics);
    return;
  }
  for (int image = 0; image < input.fine.dn.dates(); ++image) observe_fine(input, 0, image, statistics);
  for (int image = 0; image < input.coarse.dn.dates(); ++image) observe_coarse(input, image, statistics);
}

void DisturbanceDetector::observe_fine(FusionInput const& input, int class_image, int image,
                                       Statistics& statistics) const {
  auto const label = labels(input, class_image, image);
  Date const class_date = input.fine.dates[to_size(class_image)];
  std::size_t const size = (to_size(classes_.count(class_date)) + 1) * entries;
  Rect const& held = input.padded_px;
  for (auto const& piece :
       zones_.pieces(fine_subject(class_date, input.fine.dates[to_size(image)]), input.core_px)) {
    std::vector<std::int64_t> sums(size);
    for (int y = piece.px.y - held.y; y < piece.px.bottom() - held.y; ++y) {
      for (int x = piece.px.x - held.x; x < piece.px.right() - held.x; ++x) {
        std::int16_t const k = label[to_size(y) * to_size(held.width) + to_size(x)];
        if (k >= 0) add(&sums[to_size(k) * entries], landsat_tasselled_cap(six(input.fine, image, y, x)));
      }
    }
    flush(sums, statistics.row(piece.name, size));
  }
}

void DisturbanceDetector::observe_coarse(FusionInput const& input, int image, Statistics& statistics) const {
  int const ratio = input.ratio;
  for (auto const& piece : zones_.pieces(coarse_subject(input.coarse.dates[to_size(image)]), input.core_px)) {
    std::vector<std::int64_t> sums(entries);
    // Cells belong to the piece that holds their first pixel.
    for (int y = (piece.px.y + ratio - 1) / ratio; y * ratio < piece.px.bottom(); ++y) {
      for (int x = (piece.px.x + ratio - 1) / ratio; x * ratio < piece.px.right(); ++x) {
        auto const dn = six(input.coarse, image, y - input.cells.y, x - input.cells.x);
        if (dn[0] != no_data_dn) add(sums.data(), modis_tasselled_cap(dn));
      }
    }
    flush(sums, statistics.row(piece.name, sums.size()));
  }
}

void DisturbanceDetector::prepare(Statistics const& statistics) {
  if (!classes_.done()) {
    classes_.prepare(statistics);
  } else {
    statistics_ = statistics;
  }
}

/// Which pixels of the core and of one pixel around it (clipped to the padded rectangle) are disturbed in an
/// image, before neighbours are looked at; empty when nothing is known of the image.
std::vector<std::uint8_t> DisturbanceDetector::disturbed(FusionInput const& input, int class_image,
                                                         int image) const {
  Rect const& held = input.padded_px;
  Date const class_date = input.fine.dates[to_size(class_image)];
  std::size_t const classes = to_size(classes_.count(class_date)) + 1;
  Scores const scores(zones_, *statistics_, fine_subject(class_date, input.fine.dates[to_size(image)]),
                      classes, true, input.scene_px, held);
  if (!scores.known()) return {};
  auto const label = labels(input, class_image, image);
  Rect const ring = intersect(grow(input.core_px, 1), held);
  std::vector<std::uint8_t> found(static_cast<std::size_t>(ring.area()));
  parallel_for(0, ring.height, [&](int row) {
    for (int col = 0; col < ring.width; ++col) {
      int const y = ring.y + row, x = ring.x + col;
      std::int16_t const k = label[to_size(y - held.y) * to_size(held.width) + to_size(x - held.x)];
      if (k < 0) continue;
      TasselledCap const cap = landsat_tasselled_cap(six(input.fine, image, y - held.y, x - held.x));
      auto const z = [&](Component c) { return scores.at(to_size(k), c, x, y, cap); };
      found[to_size(row) * to_size(ring.width) + to_size(col)] =
          scores.index(to_size(k), x, y, cap) >= settings_.index &&
          z(TasselledCap::brightness) >= settings_.brightness &&
          z(TasselledCap::wetness) <= settings_.wetness &&
          z(TasselledCap::vegetation) <= settings_.vegetation;
    }
  });
  return found;
}

Disturbances DisturbanceDetector::find(FusionInput const& input, Pair const& before,
                                       Pair const& after) const {
  Rect const& core = input.core_px;
  Disturbances result{std::vector<std::uint8_t>(static_cast<std::size_t>(core.area())), {}};
  auto const first = disturbed(input, before.fine, before.fine);
  auto const second = disturbed(input, before.fine, after.fine);
  if (first.empty() || second.empty()) return result;
  Rect const ring = intersect(grow(core, 1), input.padded_px);
  auto const kept = [&](std::vector<std::uint8_t> const& raw, int y, int x) {
    auto const at = [&](int row, int col) {
      bool const inside = row >= ring.y && row < ring.bottom() && col >= ring.x && col < ring.right();
      return inside ? int{raw[to_size(row - ring.y) * to_size(ring.width) + to_size(col - ring.x)]} : 0;
    };
    return at(y, x) != 0 && at(y - 1, x) + at(y + 1, x) + at(y, x - 1) + at(y, x + 1) >= settings_.neighbours;
  };
  std::map<std::pair<int, int>, std::vector<std::size_t>> by_cell;  // (row, column): core pixels
  for (int y = core.y; y < core.bottom(); ++y) {
    for (int x = core.x; x < core.right(); ++x) {
      if (kept(first, y, x) || !kept(second, y, x)) continue;
      by_cell[{y / input.ratio, x / input.ratio}].push_back(to_size(y - core.y) * to_size(core.width) +
                                                            to_size(x - core.x));
    }
  }
  if (by_cell.empty()) return result;
  result.date.resize(result.state.size());
  Rect const whole_cells = intersect(align_outward(core, input.ratio), input.scene_px);
  std::vector<Scores> scores;
  for (int image = before.coarse; image <= after.coarse; ++image) {
    scores.emplace_back(zones_, *statistics_, coarse_subject(input.coarse.dates[to_size(image)]), 1, false,
                        input.scene_px, whole_cells);
  }
  for (auto const& [cell, pixels] : by_cell)
    put_date(input, scores, before.coarse, cell.second, cell.first, result, pixels);
  return result;
}

/// Dates the disturbance of some pixels of one coarse cell.
/// @param scores  of the coarse images from `first` on
void DisturbanceDetector::put_date(FusionInput const& input, std::vector<Scores> const& scores, int first,
                                   int cell_x, int cell_y, Disturbances& to,
                                   std::vector<std::size_t> const& pixels) const {
  Rect const px =
      intersect({cell_x * input.ratio, cell_y * input.ratio, input.ratio, input.ratio}, input.scene_px);
  int const x = px.x + px.width / 2, y = px.y + px.height / 2;
  std::vector<double> index;
  std::vector<Date> dates;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    int const image = first + static_cast<int>(i);
    auto const dn = six(input.coarse, image, cell_y - input.cells.y, cell_x - input.cells.x);
    if (dn[0] == no_data_dn || !scores[i].known()) continue;
    index.push_back(scores[i].index(0, x, y, modis_tasselled_cap(dn)));
    dates.push_back(input.coarse.dates[to_size(image)]);
  }
  std::vector<double> mean;
  for (std::size_t i = 0; i < index.size(); ++i) {
    std::size_t const last = std::min(index.size(), i + to_size(settings_.dates));
    double sum = 0;
    for (std::size_t j = i; j < last; ++j) sum += index[j];
    mean.push_back(sum / static_cast<double>(last - i));
  }
  auto const [lowest, highest] = std::ranges::minmax_element(mean);
  bool const known = mean.size() >= least_dates && *lowest < *highest;
  Date const begin = input.coarse.dates[to_size(first)];
  Date const end = input.coarse.dates[to_size(first) + scores.size() - 1];
  Date date = begin + (end - begin) / 2;
  if (known) {
    double const limit = *lowest + settings_.share * (*highest - *lowest);
    auto const found = std::ranges::find_if(mean, [&](double value) { return value >= limit; });
    // Rounding may lift the limit above the highest value.
    auto j = static_cast<std::size_t>((found == mean.end() ? highest : found) - mean.begin());
    // A forward mean rises before the index does: the first date of its own that is high.
    std::size_t const last = std::min(index.size(), j + to_size(settings_.dates)) - 1;
    while (j < last && index[j] < limit) ++j;
    date = dates[j];
  }
  for (std::size_t const pixel : pixels) {
    to.state[pixel] = known ? Disturbances::dated : Disturbances::undated;
    to.date[pixel] = date;
  }
}

std::size_t DisturbanceDetector::result_bytes(TileShape const& shape) {
  return (sizeof(Date) + 1) * to_size(shape.core_width) * to_size(shape.core_height);
}

std::size_t DisturbanceDetector::bytes(TileShape const& shape) {
  std::size_t const padded = to_size(shape.padded_width) * to_size(shape.padded_height);
  std::size_t const core = to_size(shape.core_width) * to_size(shape.core_height);
  // Labels; two planes of the core with a ring; in the worst case all pixels in lists by cell.
  return result_bytes(shape) + padded * sizeof(std::int16_t) + 2 * (core + padded) +
         core * (sizeof(std::size_t) * 2 + 160);
}

}  // namespace stfcube
