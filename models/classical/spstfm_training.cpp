#include "stfcube/models/classical/spstfm_training.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/models/place_hash.hpp"

namespace stfcube {
namespace {

/// Among so many patches, spread evenly over the scene, those that vary most are looked for.
constexpr std::int64_t most_candidates = 16000;
/// Rows of statistics are kept for blocks of so many patches on a side.
constexpr int block_patches = 50;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

std::int64_t packed(std::int32_t high, std::int32_t low) {
  return std::int64_t{high} * (std::int64_t{1} << 32) + static_cast<std::uint32_t>(low);
}
std::int32_t high_of(std::int64_t key) {
  return static_cast<std::int32_t>(key >> 32);
}
std::int32_t low_of(std::int64_t key) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(key & 0xffffffff));
}

std::string name(SpstfmCombination const& c, char const* what) {
  return fmt::format("spstfm/{}/{}/{}", c.before.days, c.after.days, what);
}
std::string largest_name(SpstfmCombination const& c, char const* side, Date target, int band) {
  return fmt::format("{}/{}/{}/{}", name(c, "largest"), side, target.days, band);
}
std::string patch_name(SpstfmCombination const& c, int band, std::size_t rank) {
  return fmt::format("{}/{}/{}", name(c, "patch"), band, rank);
}

// Numbers that come from one tile each are gathered by sums: seven digits of 18 bits in one sum, 0 where no
// tile gave a number.
constexpr std::size_t digits = 7;
constexpr int digit_bits = 18;
constexpr std::int32_t digit_offset = 65536;  // makes a difference of two DN positive

std::size_t words(std::int64_t numbers) {
  return (static_cast<std::size_t>(numbers) + digits - 1) / digits;
}

void put_digit(std::span<ExactSum> to, std::size_t at, int value) {
  to[at / digits] += static_cast<ExactSum>(value + digit_offset)
                     << (digit_bits * static_cast<int>(at % digits));
}

/// NaN where no tile gave a number.
double digit(std::span<ExactSum const> from, std::size_t at) {
  auto const value = static_cast<std::int32_t>(
      (from[at / digits] >> (digit_bits * static_cast<int>(at % digits))) & ((1 << digit_bits) - 1));
  return value == 0 ? std::nan("") : value - digit_offset;
}

/// The fine change of a pixel between the pairs of a call, in one band; nothing where an image is invalid.
struct Change {
  Stack<Dn> const& dn;
  int before, after;

  bool valid(int y, int x) const {
    return dn.at(before, 0, y, x) != no_data_dn && dn.at(after, 0, y, x) != no_data_dn;
  }
  int at(int band, int y, int x) const { return dn.at(after, band, y, x) - dn.at(before, band, y, x); }
};

}  // namespace

bool SpstfmCombination::usable() const {
  return std::ranges::all_of(bands, [](SpstfmBand const& band) { return !band.dictionary.empty(); });
}

SpstfmCombination const* SpstfmTraining::find(Date target) const {
  SpstfmCombination const* found = nullptr;
  for (SpstfmCombination const& c : combinations_) {
    if (c.before <= target && target <= c.after) found = &c;
  }
  return found;
}

/// The patches that may be chosen among those that begin in a block.
std::vector<SpstfmTraining::Place> SpstfmTraining::candidates(Scene const& scene, int block_x,
                                                              int block_y) const {
  std::int64_t const across = (scene.width - settings_.side) / settings_.step + 1;
  std::int64_t const down = (scene.height - settings_.side) / settings_.step + 1;
  auto const one_in = static_cast<std::uint32_t>((across * down + most_candidates - 1) / most_candidates);
  std::vector<Place> places;
  int const block = block_patches * settings_.step;
  for (int y = block_y * block; y < (block_y + 1) * block && y + settings_.side <= scene.height;
       y += settings_.step) {
    for (int x = block_x * block; x < (block_x + 1) * block && x + settings_.side <= scene.width;
         x += settings_.step) {
      if (place_hash(x, y) % one_in == 0) places.push_back({y, x});
    }
  }
  return places;
}

/// The cells that cubic convolution looks at for a patch.
Rect SpstfmTraining::patch_cells(Scene const& scene, Place place) const {
  Rect const outer = align_outward(patch_px(place), scene.ratio);
  Rect const cells{outer.x / scene.ratio, outer.y / scene.ratio, outer.width / scene.ratio,
                   outer.height / scene.ratio};
  return intersect(grow(cells, 2), {0, 0, (scene.width + scene.ratio - 1) / scene.ratio,
                                    (scene.height + scene.ratio - 1) / scene.ratio});
}

void SpstfmTraining::observe(FusionInput const& input, Statistics& statistics) const {
  auto const pairs = find_pairs(input.fine.dates, input.coarse.dates, settings_.tolerance_days);
  if (pairs.size() != 2) return;
  if (round_ == 1) {
    gather(input, pairs, statistics);
    return;
  }
  ++statistics.tally("spstfm/combinations")[packed(pairs[0].date.days, pairs[1].date.days)];
  ++statistics.tally("spstfm/scene")[packed(input.scene_px.width, input.scene_px.height)];
  ++statistics.tally("spstfm/ratio")[input.ratio];
  observe_candidates(input, pairs, statistics);
  observe_sums(input, pairs, statistics);
  observe_largest(input, pairs, statistics);
}

/// Number, sum and sum of squares of the fine change in each candidate.
void SpstfmTraining::observe_candidates(FusionInput const& input, std::vector<Pair> const& pairs,
                                        Statistics& statistics) const {
  Scene const scene{input.scene_px.width, input.scene_px.height, input.ratio};
  if (scene.width < settings_.side || scene.height < settings_.side) return;
  SpstfmCombination const combination{pairs[0].date, pairs[1].date, {}};
  Change const change{input.fine.dn, pairs[0].fine, pairs[1].fine};
  Rect const& core = input.core_px;
  int const block = block_patches * settings_.step;
  std::size_t const entries = 1 + 2 * to_size(bands_);
  for (int by = std::max(0, core.y - settings_.side + 1) / block; by * block < core.bottom(); ++by) {
    for (int bx = std::max(0, core.x - settings_.side + 1) / block; bx * block < core.right(); ++bx) {
      auto const places = candidates(scene, bx, by);
      if (places.empty()) continue;
      ++statistics.tally("spstfm/blocks")[packed(by, bx)];
      auto const row = statistics.row(fmt::format("{}/{},{}", name(combination, "block"), bx, by),
                                      entries * places.size());
      for (std::size_t i = 0; i < places.size(); ++i) {
        Rect const part = intersect(patch_px(places[i]), core);
        for (int y = part.y - core.y; y < part.bottom() - core.y; ++y) {
          for (int x = part.x - core.x; x < part.right() - core.x; ++x) {
            if (!change.valid(y, x)) continue;
            ExactSum* const to = &row[i * entries];
            to[0] += 1;
            for (int b = 0; b < bands_; ++b) {
              std::int64_t const d = change.at(b, y, x);
              to[1 + 2 * to_size(b)] += d;
              to[2 + 2 * to_size(b)] += d * d;
            }
          }
        }
      }
    }
  }
}

/// Number, sum and sum of squares of the changes between the pairs: fine pixels, and coarse cells.
void SpstfmTraining::observe_sums(FusionInput const& input, std::vector<Pair> const& pairs,
                                  Statistics& statistics) const {
  SpstfmCombination const combination{pairs[0].date, pairs[1].date, {}};
  auto const row = statistics.row(name(combination, "sums"), 6 * to_size(bands_));
  auto const add = [&](Change const& change, std::size_t first) {
    for (int band = 0; band < bands_; ++band) {
      std::int64_t n = 0, sum = 0, squares = 0;
      for (int y = 0; y < change.dn.rows(); ++y) {
        for (int x = 0; x < change.dn.cols(); ++x) {
          if (!change.valid(y, x)) continue;
          std::int64_t const d = change.at(band, y, x);
          n += 1;
          sum += d;
          squares += d * d;
        }
      }
      std::size_t const at = 6 * to_size(band) + first;
      row[at] += n;
      row[at + 1] += sum;
      row[at + 2] += squares;
    }
  };
  add({input.fine.dn, pairs[0].fine, pairs[1].fine}, 0);
  add({input.coarse.dn, pairs[0].coarse, pairs[1].coarse}, 3);
}

/// The largest coarse change of the tile from either pair to every target: the last entry of the merged tally
/// is that of the scene.
void SpstfmTraining::observe_largest(FusionInput const& input, std::vector<Pair> const& pairs,
                                     Statistics& statistics) const {
  SpstfmCombination const combination{pairs[0].date, pairs[1].date, {}};
  auto const images = coarse_of_targets(input);
  for (std::size_t t = 0; t < images.size(); ++t) {
    if (images[t] < 0) continue;
    for (int side = 0; side < 2; ++side) {
      Change const change{input.coarse.dn, pairs[to_size(side)].coarse, images[t]};
      for (int band = 0; band < bands_; ++band) {
        int largest = 0;
        for (int y = 0; y < change.dn.rows(); ++y) {
          for (int x = 0; x < change.dn.cols(); ++x) {
            if (change.valid(y, x)) largest = std::max(largest, std::abs(change.at(band, y, x)));
          }
        }
        char const* const from = side == 0 ? "before" : "after";
        ++statistics.tally(largest_name(combination, from, input.targets[t], band))[largest];
      }
    }
  }
}

/// The numbers of the chosen patches that lie in the tile.
void SpstfmTraining::gather(FusionInput const& input, std::vector<Pair> const& pairs,
                            Statistics& statistics) const {
  auto const found = std::ranges::find_if(combinations_, [&](SpstfmCombination const& c) {
    return c.before == pairs[0].date && c.after == pairs[1].date;
  });
  if (found == combinations_.end()) return;
  Chosen const& chosen = chosen_[static_cast<std::size_t>(found - combinations_.begin())];
  Change const fine{input.fine.dn, pairs[0].fine, pairs[1].fine};
  Change const coarse{input.coarse.dn, pairs[0].coarse, pairs[1].coarse};
  std::size_t const fine_words = words(std::int64_t{settings_.side} * settings_.side);
  for (int band = 0; band < bands_; ++band) {
    for (std::size_t rank = 0; rank < chosen[to_size(band)].size(); ++rank) {
      Place const place = chosen[to_size(band)][rank];
      Rect const px = patch_px(place), cells = patch_cells(scene_, place);
      Rect const px_here = intersect(px, input.core_px), cells_here = intersect(cells, input.cells);
      if (px_here.empty() && cells_here.empty()) continue;
      auto const row = statistics.row(patch_name(*found, band, rank), fine_words + words(cells.area()));
      auto const add = [&](Change const& change, Rect const& all, Rect const& part, Rect const& held,
                           std::span<ExactSum> to) {
        for (int y = part.y; y < part.bottom(); ++y) {
          for (int x = part.x; x < part.right(); ++x) {
            if (!change.valid(y - held.y, x - held.x)) continue;
            put_digit(to, to_size(y - all.y) * to_size(all.width) + to_size(x - all.x),
                      change.at(band, y - held.y, x - held.x));
          }
        }
      };
      add(fine, px, px_here, input.padded_px, row.first(fine_words));
      add(coarse, cells, cells_here, input.cells, row.subspan(fine_words));
    }
  }
}

void SpstfmTraining::prepare(Statistics const& statistics) {
  if (round_ == 0) {
    for (auto const& [key, count] : statistics.find_tally("spstfm/scene")) {
      scene_ = {high_of(key), low_of(key), 1};
    }
    for (auto const& [ratio, count] : statistics.find_tally("spstfm/ratio"))
      scene_.ratio = static_cast<int>(ratio);
    for (auto const& [key, count] : statistics.find_tally("spstfm/combinations")) {
      SpstfmCombination& combination = combinations_.emplace_back();
      combination.before = {high_of(key)};
      combination.after = {low_of(key)};
      take_sums(statistics, combination);
      choose(statistics, combination);
    }
    round_ = combinations_.empty() ? 2 : 1;
    return;
  }
  for (std::size_t i = 0; i < combinations_.size(); ++i) learn(statistics, combinations_[i], chosen_[i]);
  chosen_.clear();
  round_ = 2;
}

void SpstfmTraining::take_sums(Statistics const& statistics, SpstfmCombination& combination) const {
  combination.bands.resize(to_size(bands_));
  auto const sums = statistics.find(name(combination, "sums"));
  for (int band = 0; band < bands_; ++band) {
    SpstfmBand& to = combination.bands[to_size(band)];
    ExactSum const* const at = &sums[6 * to_size(band)];
    to.fine_sigma = population_sigma(at[0], at[1], at[2]);
    to.coarse_sigma = population_sigma(at[3], at[4], at[5]);
    for (Date target = combination.before; target <= combination.after; target = target + 1) {
      Tally const& before = statistics.find_tally(largest_name(combination, "before", target, band));
      Tally const& after = statistics.find_tally(largest_name(combination, "after", target, band));
      if (before.empty() || after.empty()) continue;
      to.largest_before[target] = static_cast<double>(before.rbegin()->first);
      to.largest_after[target] = static_cast<double>(after.rbegin()->first);
    }
  }
}

/// The whole patches of largest variance of every band; of equal ones those that come first.
void SpstfmTraining::choose(Statistics const& statistics, SpstfmCombination& combination) {
  struct Candidate {
    ExactSum variance;  ///< times the squared number of pixels
    Place place;
  };
  std::size_t const entries = 1 + 2 * to_size(bands_);
  std::int64_t const whole = std::int64_t{settings_.side} * settings_.side;
  std::vector<std::vector<Candidate>> found(to_size(bands_));
  for (auto const& [key, count] : statistics.find_tally("spstfm/blocks")) {
    int const by = high_of(key), bx = low_of(key);
    auto const row = statistics.find(fmt::format("{}/{},{}", name(combination, "block"), bx, by));
    if (row.empty()) continue;
    auto const places = candidates(scene_, bx, by);
    for (std::size_t i = 0; i < places.size(); ++i) {
      ExactSum const* const at = &row[i * entries];
      if (at[0] != whole) continue;
      for (std::size_t b = 0; b < found.size(); ++b) {
        ExactSum const variance = whole * at[2 + 2 * b] - at[1 + 2 * b] * at[1 + 2 * b];
        if (variance > 0) found[b].push_back({variance, places[i]});
      }
    }
  }
  Chosen& chosen = chosen_.emplace_back(to_size(bands_));
  for (std::size_t b = 0; b < found.size(); ++b) {
    std::ranges::sort(found[b], [](Candidate const& a, Candidate const& c) {
      return a.variance != c.variance ? a.variance > c.variance : a.place < c.place;
    });
    found[b].resize(std::min(found[b].size(), to_size(settings_.patches)));
    for (Candidate const& candidate : found[b]) chosen[b].push_back(candidate.place);
  }
}

/// One gathered patch, normalised: the fine half and the coarse one; empty where something is missing.
std::vector<float> SpstfmTraining::patch(std::span<ExactSum const> packed_numbers, SpstfmBand const& band,
                                         Place place) const {
  std::size_t const pixels = to_size(settings_.side) * to_size(settings_.side);
  std::vector<float> values;
  for (std::size_t i = 0; i < pixels; ++i)
    values.push_back(static_cast<float>(digit(packed_numbers, i) / band.fine_sigma));
  CellFrame frame;
  frame.held = patch_cells(scene_, place);
  frame.scene = {0, 0, (scene_.width + scene_.ratio - 1) / scene_.ratio,
                 (scene_.height + scene_.ratio - 1) / scene_.ratio};
  frame.ratio = scene_.ratio;
  CellField field;
  auto const coarse = packed_numbers.subspan(words(static_cast<std::int64_t>(pixels)));
  for (std::size_t i = 0; i < static_cast<std::size_t>(frame.held.area()); ++i)
    field.push_back(digit(coarse, i));
  for (double const v : bicubic_plane(frame, field, patch_px(place)))
    values.push_back(static_cast<float>(v / band.coarse_sigma));
  if (std::ranges::any_of(values, [](float v) { return std::isnan(v); })) values.clear();
  return values;
}

void SpstfmTraining::learn(Statistics const& statistics, SpstfmCombination& combination,
                           Chosen const& chosen) const {
  for (int b = 0; b < bands_; ++b) {
    SpstfmBand& band = combination.bands[to_size(b)];
    if (!(band.fine_sigma > 0) || !(band.coarse_sigma > 0)) continue;
    std::vector<float> patches;
    for (std::size_t rank = 0; rank < chosen[to_size(b)].size(); ++rank) {
      auto const row = statistics.find(patch_name(combination, b, rank));
      if (row.empty()) continue;
      auto const values = patch(row, band, chosen[to_size(b)][rank]);
      patches.insert(patches.end(), values.begin(), values.end());
    }
    if (patches.empty()) continue;
    band.dictionary.push_back(
        CoupledDictionary::learn(patches, settings_.side * settings_.side, settings_.training));
  }
}

}  // namespace stfcube
