#include "stfcube/models/classical/robot_harmonise.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace stfcube {
namespace {

constexpr std::array<int, 7> sides_px = {1536, 1121, 819, 598, 436, 319, 233};
constexpr std::size_t smallest = sides_px.size() - 1;
constexpr double lowest_ratio = 0.9, highest_ratio = 1.1;  // mean of fine / coarse where a pixel counts
constexpr double ratio_guard = 1e-6;                       // DN, keeps 0 from being divided by
constexpr double lowest_factor = 0.8, highest_factor = 1.2;
constexpr double least_pixels_of_series = 10000, least_pixels_of_pair = 1000;
constexpr double distance_guard = 0.01;  // DN^2 by band, keeps equal images from being divided by

constexpr char const* subject = "robot/harmonise";
constexpr char const* dates_name = "robot/harmonise/pairs";

std::string subject_of(Date pair) {
  return fmt::format("{}/{}", subject, to_string(pair));
}

std::string piece_name(std::string const& of, int x, int y) {
  return fmt::format("{}/{},{}", of, x, y);
}

/// The middle of a cell, rounded down: no border of a patch is between the two.
int centre_px(int cell, int ratio) {
  return cell * ratio + ratio / 2;
}

/// The last border of patches, of any size, up to a pixel.
int border_before(int px) {
  int border = 0;
  for (int const side : sides_px) border = std::max(border, px / side * side);
  return border;
}

/// Counts the pixels of cells whose fine values are near the coarse ones, and sums them up.
class CellCounter {
 public:
  explicit CellCounter(FusionInput const& input)
      : input_(input),
        ratios_(static_cast<std::size_t>(input.ratio)),
        inverse_(static_cast<std::size_t>(input.fine.dn.bands())),
        coarse_(inverse_.size()),
        sums_(inverse_.size()) {}

  /// How many pixels of a cell count.
  std::int64_t count(int column, int row) {
    pixels_ = 0;
    std::ranges::fill(sums_, 0);
    if (!load(column, row)) return 0;
    Rect const& core = input_.core_px;
    int const ratio = input_.ratio;
    Rect const px = intersect({column * ratio, row * ratio, ratio, ratio}, core);
    for (int y = px.y - core.y; y < px.bottom() - core.y; ++y)
      count_row(px.x - core.x, y, static_cast<std::size_t>(px.width));
    return pixels_;
  }

  /// Adds the sums of the cell that was counted last.
  void add_to(std::span<ExactSum> row) const {
    for (std::size_t b = 0; b < sums_.size(); ++b) {
      row[2 * b] += sums_[b] * coarse_[b];
      row[2 * b + 1] += pixels_ * coarse_[b] * coarse_[b];
    }
  }

 private:
  bool load(int column, int row) {
    auto const bands = static_cast<double>(inverse_.size());
    for (std::size_t b = 0; b < coarse_.size(); ++b) {
      coarse_[b] = input_.coarse.dn.at(0, static_cast<int>(b), row - input_.cells.y, column - input_.cells.x);
      inverse_[b] = 1 / (bands * (static_cast<double>(coarse_[b]) + ratio_guard));
    }
    return coarse_.front() != no_data_dn;
  }

  void count_row(int first, int y, std::size_t n) {
    auto const fine = [&](std::size_t b) { return input_.fine.dn.row(0, static_cast<int>(b), y) + first; };
    std::fill_n(ratios_.begin(), n, 0.0);
    for (std::size_t b = 0; b < sums_.size(); ++b) {
      Dn const* const values = fine(b);
      for (std::size_t x = 0; x < n; ++x) ratios_[x] += values[x] * inverse_[b];
    }
    Dn const* const known = fine(0);
    for (std::size_t x = 0; x < n; ++x) {
      if (known[x] == no_data_dn) ratios_[x] = 0;
      pixels_ += counts(ratios_[x]) ? 1 : 0;
    }
    for (std::size_t b = 0; b < sums_.size(); ++b) {
      Dn const* const values = fine(b);
      for (std::size_t x = 0; x < n; ++x) sums_[b] += counts(ratios_[x]) ? values[x] : 0;
    }
  }

  static bool counts(double ratio) { return lowest_ratio < ratio && ratio < highest_ratio; }

  FusionInput const& input_;
  std::vector<double> ratios_, inverse_;  ///< mean of fine / coarse by pixel; 1 / (bands x coarse)
  std::int64_t pixels_ = 0;
  std::vector<std::int64_t> coarse_, sums_;  ///< by band
};

/// Where the cells of a column or row lie between the centres of the smallest patches.
struct PatchAxis {
  struct Between {
    int first = 0, second = 0;  ///< indices of `centres`
    double weight = 0;          ///< of the second
  };
  std::vector<Between> cells;
  std::vector<int> centres;  ///< px, of the patches that the cells use

  /// Patches outside the scene do not exist, those at its edge stand in. All arguments but the ratio are
  /// cells.
  PatchAxis(int first, int count, int scene_first, int scene_count, int ratio) {
    constexpr int side = sides_px[smallest];
    int const first_px = centre_px(scene_first, ratio);
    int const last_px = centre_px(scene_first + scene_count - 1, ratio);
    for (int cell = first; cell < first + count; ++cell) {
      double const u = (cell + 0.5) * ratio / side - 0.5;
      auto const whole = static_cast<int>(std::floor(u));
      auto const existing = [&](int patch) { return std::clamp(patch, first_px / side, last_px / side); };
      cells.push_back({existing(whole), existing(whole + 1), u - whole});
    }
    int const lowest = cells.front().first;
    for (int patch = lowest; patch <= cells.back().second; ++patch)
      centres.push_back(std::clamp(patch * side + side / 2, first_px, last_px));
    for (Between& cell : cells) {
      cell.first -= lowest;
      cell.second -= lowest;
    }
  }
};

/// Equal values give that value, to the last bit.
double mixed(double first, double second, double weight) {
  return first + weight * (second - first);
}

/// Squared distance of two coarse images at a cell over all bands; NaN where one has no value.
double distance(std::span<CellField const> a, std::span<CellField const> b, std::size_t cell) {
  double sum = 0;
  for (std::size_t band = 0; band < a.size(); ++band) {
    double const difference = a[band][cell] - b[band][cell];
    sum += difference * difference + distance_guard;
  }
  return sum;
}

void multiply(CellField& field, CellField const& by) {
  for (std::size_t i = 0; i < field.size(); ++i) field[i] *= by[i];
}

}  // namespace

void CoarseHarmony::observe(FusionInput const& input, Statistics& statistics) const {
  bool const alone = mode_ == Harmonise::pairs;
  std::string const name = alone ? subject_of(input.fine.dates.front()) : subject;
  if (alone) statistics.tally(dates_name)[input.fine.dates.front().days] += 1;
  Tally& pixels = statistics.tally(name);
  std::map<Place, std::span<ExactSum>> rows;
  CellCounter cell(input);
  for (int row = input.cells.y; row < input.cells.bottom(); ++row) {
    int const y = border_before(centre_px(row, input.ratio));
    for (int column = input.cells.x; column < input.cells.right(); ++column) {
      std::int64_t const count = cell.count(column, row);
      if (count == 0) continue;
      int const x = border_before(centre_px(column, input.ratio));
      auto& sums = rows[{x, y}];
      if (sums.empty()) sums = statistics.row(piece_name(name, x, y), 2 * bands_);
      cell.add_to(sums);
      pixels[std::int64_t{x} << 32 | y] += count;
    }
  }
}

CoarseHarmony::Pieces CoarseHarmony::pieces_of(Statistics const& statistics, std::string const& of) const {
  Pieces pieces;
  for (auto const& [key, pixels] : statistics.find_tally(of)) {
    Place const place{static_cast<int>(key >> 32), static_cast<int>(key & 0xffffffff)};
    auto const sums = statistics.find(piece_name(of, place.x, place.y));
    pieces[place] = {pixels, {sums.begin(), sums.end()}, std::vector<double>(bands_, 1.0)};
  }
  return pieces;
}

void CoarseHarmony::prepare(Statistics const& statistics) {
  prepared_ = true;
  if (mode_ == Harmonise::series) {
    Pieces pieces = pieces_of(statistics, subject);
    series_ = fit(pieces, least_pixels_of_series);
    return;
  }
  Pieces all;
  for (auto const& [days, count] : statistics.find_tally(dates_name)) {
    for (auto const& [place, piece] : pieces_of(statistics, subject_of(Date{static_cast<int>(days)}))) {
      auto const [at, is_new] = all.try_emplace(place, piece);
      if (is_new) continue;
      at->second.pixels += piece.pixels;
      for (std::size_t i = 0; i < piece.sums.size(); ++i) at->second.sums[i] += piece.sums[i];
    }
  }
  series_ = fit(all, least_pixels_of_series);
  for (auto const& [days, count] : statistics.find_tally(dates_name)) {
    Date const pair{static_cast<int>(days)};
    Pieces pieces = pieces_of(statistics, subject_of(pair));
    for (auto& [place, piece] : pieces) piece.factors = all.at(place).factors;
    pairs_[pair] = fit(pieces, least_pixels_of_pair);
  }
}

CoarseHarmony::Patch CoarseHarmony::patch_at(std::size_t size, Place const& place) {
  return {size, place.x / sides_px[size], place.y / sides_px[size]};
}

/// All sizes, each from the values that the one before has left.
CoarseHarmony::PatchFactors CoarseHarmony::fit(Pieces& pieces, double least_pixels) const {
  PatchFactors found;
  for (std::size_t size = 0; size < sides_px.size(); ++size) {
    struct Sums {
      double pixels = 0;
      std::vector<double> products, squares;
    };
    std::map<Patch, Sums> patches;
    for (auto const& [place, piece] : pieces) {
      Sums& sums = patches[patch_at(size, place)];
      sums.products.resize(bands_);
      sums.squares.resize(bands_);
      sums.pixels += static_cast<double>(piece.pixels);
      for (std::size_t b = 0; b < bands_; ++b) {
        double const factor = piece.factors[b];
        sums.products[b] += factor * static_cast<double>(piece.sums[2 * b]);
        sums.squares[b] += factor * factor * static_cast<double>(piece.sums[2 * b + 1]);
      }
    }
    for (auto const& [patch, sums] : patches) {
      if (sums.pixels < least_pixels) continue;
      auto& factors = found[patch] = std::vector<double>(bands_, 1.0);
      for (std::size_t b = 0; b < bands_; ++b) {
        double const factor = sums.products[b] / sums.squares[b];
        if (lowest_factor < factor && factor < highest_factor) factors[b] = factor;
      }
    }
    for (auto& [place, piece] : pieces) {
      auto const factors = found.find(patch_at(size, place));
      if (factors == found.end()) continue;
      for (std::size_t b = 0; b < bands_; ++b) piece.factors[b] *= factors->second[b];
    }
  }
  return found;
}

double CoarseHarmony::product_at(Place const& place, PatchFactors const* of_pair, std::size_t band) const {
  double product = 1;
  for (PatchFactors const* stage : {&series_, of_pair}) {
    if (stage == nullptr) continue;
    for (std::size_t size = 0; size < sides_px.size(); ++size) {
      auto const factors = stage->find(patch_at(size, place));
      if (factors != stage->end()) product *= factors->second[band];
    }
  }
  return product;
}

CellField CoarseHarmony::factors(CellFrame const& frame, Date pair, int band) const {
  auto const found = pairs_.find(pair);
  PatchFactors const* const of_pair = found == pairs_.end() ? nullptr : &found->second;
  Rect const &held = frame.held, &scene = frame.scene;
  PatchAxis const across(held.x, held.width, scene.x, scene.width, frame.ratio);
  PatchAxis const down(held.y, held.height, scene.y, scene.height, frame.ratio);
  std::vector<double> products;
  for (int const y : down.centres) {
    for (int const x : across.centres)
      products.push_back(product_at({x, y}, of_pair, static_cast<std::size_t>(band)));
  }
  CellField field;
  field.reserve(static_cast<std::size_t>(held.area()));
  for (auto const& row : down.cells) {
    for (auto const& column : across.cells) {
      auto const along_x = [&](int patch_row) {
        double const* const at = &products[static_cast<std::size_t>(patch_row) * across.centres.size()];
        return mixed(at[column.first], at[column.second], column.weight);
      };
      field.push_back(mixed(along_x(row.first), along_x(row.second), row.weight));
    }
  }
  return field;
}

void CoarseHarmony::apply(CellFrame const& frame, std::span<Pair const> pairs, std::span<Date const> targets,
                          std::span<std::vector<int> const> near, std::span<CellField> fields) const {
  std::vector<CellField> factors_of_pairs;
  for (Pair const& pair : pairs) {
    for (std::size_t band = 0; band < bands_; ++band)
      factors_of_pairs.push_back(factors(frame, pair.date, static_cast<int>(band)));
  }
  std::size_t const of_pairs = factors_of_pairs.size();
  for (std::size_t t = 0; t < targets.size(); ++t) {
    auto const to = fields.subspan(of_pairs + t * bands_, bands_);
    if (!to.front().empty())
      apply_to_target(pairs, targets[t], near[t], fields.first(of_pairs), factors_of_pairs, to);
  }
  for (std::size_t i = 0; i < of_pairs; ++i) multiply(fields[i], factors_of_pairs[i]);
}

/// The factors of the pair of the same day, or those of the two pairs around the target, the more of one the
/// more its coarse image is like the target's.
void CoarseHarmony::apply_to_target(std::span<Pair const> pairs, Date target, std::vector<int> const& near,
                                    std::span<CellField const> raw_pairs,
                                    std::span<CellField const> pair_factors,
                                    std::span<CellField> fields) const {
  auto const of = [&](std::span<CellField const> images, int pair) {
    return images.subspan(static_cast<std::size_t>(pair) * bands_, bands_);
  };
  auto const same_day = std::ranges::find(pairs, target, &Pair::date);
  if (same_day != pairs.end()) {
    auto const factors = of(pair_factors, static_cast<int>(same_day - pairs.begin()));
    for (std::size_t b = 0; b < bands_; ++b) multiply(fields[b], factors[b]);
    return;
  }
  if (near.empty()) return;
  for (std::size_t cell = 0; cell < fields.front().size(); ++cell) {
    if (std::isnan(fields.front()[cell])) continue;
    auto const nearest = [&](bool earlier) {
      auto const found = std::ranges::find_if(near, [&](int k) {
        return (pairs[static_cast<std::size_t>(k)].date < target) == earlier &&
               !std::isnan(of(raw_pairs, k).front()[cell]);
      });
      return found == near.end() ? -1 : *found;
    };
    int const left = nearest(true), right = nearest(false);
    int const first = left >= 0 ? left : right >= 0 ? right : near.front();
    int const second = left >= 0 && right >= 0 ? right : first;
    double weight = 0;
    if (second != first) {
      double const to_first = distance(fields, of(raw_pairs, first), cell);
      double const to_second = distance(fields, of(raw_pairs, second), cell);
      weight = to_first / (to_first + to_second);
    }
    for (std::size_t b = 0; b < bands_; ++b)
      fields[b][cell] *= mixed(of(pair_factors, first)[b][cell], of(pair_factors, second)[b][cell], weight);
  }
}

}  // namespace stfcube
