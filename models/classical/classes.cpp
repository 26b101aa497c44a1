#include "stfcube/models/classical/classes.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "stfcube/models/place_hash.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr std::size_t most_map_classes = 64;
constexpr int stop_share = 1000;  // stops when at most one pixel of so many changes its class

/// One row of an image, all bands.
std::vector<Dn const*> band_rows(Stack<Dn> const& dn, int index, int y) {
  std::vector<Dn const*> rows;
  for (int band = 0; band < dn.bands(); ++band) rows.push_back(dn.row(index, band, y));
  return rows;
}

std::int64_t band_sum(std::span<Dn const* const> bands, int x) {
  std::int64_t sum = 0;
  for (Dn const* const row : bands) sum += row[x];
  return sum;
}

/// Sums of the pixels of each class: [class, 1 + bands], the first is their number.
struct ClassSums {
  std::size_t entries;
  std::vector<std::int64_t> sums;

  ClassSums(std::size_t classes, int bands)
      : entries(1 + static_cast<std::size_t>(bands)), sums(classes * entries) {}

  void add(std::size_t label, std::span<Dn const* const> bands, int x) {
    std::int64_t* const to = sums.data() + label * entries;
    ++to[0];
    for (std::size_t band = 0; band < bands.size(); ++band) to[band + 1] += bands[band][x];
  }
};

/// New centres; a class without a pixel keeps its old one.
std::vector<double> means(std::span<ExactSum const> sums, std::size_t bands, std::vector<double> centres) {
  for (std::size_t c = 0; c < sums.size() / (bands + 1); ++c) {
    ExactSum const* const from = sums.data() + c * (bands + 1);
    if (from[0] == 0) continue;
    for (std::size_t band = 0; band < bands; ++band)
      centres[c * bands + band] = static_cast<double>(from[band + 1]) / static_cast<double>(from[0]);
  }
  return centres;
}

/// Calls `body(bands, x, y)` for the valid pixels of the sample; x and y count from the tile's corner.
template <class Body>
void for_sample(FusionInput const& input, int index, int sample, Body const& body) {
  Rect const& px = input.padded_px;
  for (int y = 0; y < px.height; ++y) {
    auto const bands = band_rows(input.fine.dn, index, y);
    for (int x = 0; x < px.width; ++x) {
      bool const chosen =
          sample == 1 || place_hash(px.x + x, px.y + y) % static_cast<std::uint32_t>(sample) == 0;
      if (chosen && bands[0][x] != no_data_dn) body(bands, x, y);
    }
  }
}

}  // namespace

void nearest_centres(std::span<Dn const* const> bands, int pixels, std::span<double const> centres,
                     std::int16_t* labels) {
  constexpr int stretch = 256;  // stays in the first cache
  std::array<double, stretch> distance, best;
  std::size_t const count = centres.size() / bands.size();
  for (int first = 0; first < pixels; first += stretch) {
    int const n = std::min(stretch, pixels - first);
    for (std::size_t c = 0; c < count; ++c) {
      std::fill_n(distance.data(), n, 0.0);
      for (std::size_t band = 0; band < bands.size(); ++band) {
        double const centre = centres[c * bands.size() + band];
        Dn const* const row = bands[band] + first;
        for (int i = 0; i < n; ++i) {
          double const d = row[i] - centre;
          distance[static_cast<std::size_t>(i)] += d * d;
        }
      }
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        bool const nearer = c == 0 || distance[i] < best[i];
        best[i] = nearer ? distance[i] : best[i];
        labels[static_cast<std::size_t>(first) + i] =
            nearer ? static_cast<std::int16_t>(c) : labels[static_cast<std::size_t>(first) + i];
      }
    }
  }
}

std::string FineClasses::name(Date date, char const* what) const {
  return fmt::format("{}/{}/{}", settings_.subject, date.days, what);
}

void FineClasses::observe(FusionInput const& input, Statistics& statistics) const {
  if (settings_.class_map) {
    Tally& numbers = statistics.tally(settings_.subject + "/numbers");
    std::int32_t last = -1;
    for (std::int32_t const number : input.classes.all()) {
      if (number >= 0 && number != last) ++numbers[last = number];
    }
    return;
  }
  for (int index = 0; index < input.fine.dn.dates(); ++index) {
    auto const state = states_.find(input.fine.dates[static_cast<std::size_t>(index)]);
    if (round_ == Round::values) {
      observe_values(input, index, statistics);
    } else if (state == states_.end() || state->second.done) {
      continue;
    } else if (round_ == Round::ranks) {
      observe_ranks(input, index, state->second, statistics);
    } else {
      observe_assignment(input, index, state->second, statistics);
    }
  }
}

void FineClasses::observe_values(FusionInput const& input, int index, Statistics& statistics) const {
  Date const date = input.fine.dates[static_cast<std::size_t>(index)];
  std::int64_t const lowest = std::int64_t{no_data_dn} * input.fine.dn.bands();
  std::vector<std::int64_t> counts(65536 * static_cast<std::size_t>(input.fine.dn.bands()));
  std::int64_t pixels = 0;
  for_sample(input, index, settings_.sample, [&](std::span<Dn const* const> bands, int x, int) {
    ++counts[static_cast<std::size_t>(band_sum(bands, x) - lowest)];
    ++pixels;
  });
  if (pixels == 0) return;
  statistics.tally(settings_.subject + "/dates")[date.days] += pixels;
  Tally& tally = statistics.tally(name(date, "values"));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) tally[static_cast<std::int64_t>(i) + lowest] += counts[i];
  }
}

void FineClasses::observe_ranks(FusionInput const& input, int index, KMeans const& state,
                                Statistics& statistics) const {
  ClassSums sums(state.starts.size(), input.fine.dn.bands());
  for_sample(input, index, settings_.sample, [&](std::span<Dn const* const> bands, int x, int) {
    auto const after = std::ranges::upper_bound(state.starts, band_sum(bands, x));
    sums.add(static_cast<std::size_t>(after - state.starts.begin()) - 1, bands, x);
  });
  auto const row =
      statistics.row(name(input.fine.dates[static_cast<std::size_t>(index)], "sums"), sums.sums.size());
  for (std::size_t i = 0; i < row.size(); ++i) row[i] += sums.sums[i];
}

void FineClasses::observe_assignment(FusionInput const& input, int index, KMeans const& state,
                                     Statistics& statistics) const {
  int const width = input.padded_px.width;
  auto const labels_by = [&](std::vector<double> const& centres) {
    std::vector<std::int16_t> labels(static_cast<std::size_t>(input.padded_px.area()));
    for (int y = 0; y < input.padded_px.height; ++y) {
      nearest_centres(band_rows(input.fine.dn, index, y), width, centres,
                      labels.data() + static_cast<std::ptrdiff_t>(y) * width);
    }
    return labels;
  };
  auto const labels = labels_by(state.centres);
  auto const before = state.previous.empty() ? labels : labels_by(state.previous);
  ClassSums sums(state.starts.size(), input.fine.dn.bands());
  std::int64_t pixels = 0, changes = 0;
  for_sample(input, index, settings_.sample, [&](std::span<Dn const* const> bands, int x, int y) {
    auto const at =
        static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
    sums.add(static_cast<std::size_t>(labels[at]), bands, x);
    ++pixels;
    changes += labels[at] != before[at];
  });
  Date const date = input.fine.dates[static_cast<std::size_t>(index)];
  auto const row = statistics.row(name(date, "sums"), sums.sums.size());
  for (std::size_t i = 0; i < row.size(); ++i) row[i] += sums.sums[i];
  auto const change = statistics.row(name(date, "changes"), 2);
  change[0] += changes;
  change[1] += pixels;
}

void FineClasses::prepare(Statistics const& statistics) {
  if (settings_.class_map) {
    for (auto const& [number, count] : statistics.find_tally(settings_.subject + "/numbers"))
      map_labels_.push_back(static_cast<std::int32_t>(number));
    require(map_labels_.size() <= most_map_classes, ErrorKind::data,
            fmt::format(
                "The class map holds {} different numbers (at most {} are of use as classes). Merge some of "
                "them; give maps of parcels as an object map.",
                map_labels_.size(), most_map_classes));
    round_ = Round::none;
  } else if (round_ == Round::values) {
    prepare_values(statistics);
  } else if (round_ == Round::ranks) {
    prepare_ranks(statistics);
  } else if (round_ == Round::assignments) {
    prepare_assignments(statistics);
  }
}

void FineClasses::prepare_values(Statistics const& statistics) {
  for (auto const& [days, pixels] : statistics.find_tally(settings_.subject + "/dates")) {
    Date const date{static_cast<std::int32_t>(days)};
    KMeans& state = states_[date];
    std::int64_t rank = 0, last = -1;
    for (auto const& [value, count] : statistics.find_tally(name(date, "values"))) {
      std::int64_t const initial = settings_.classes * rank / pixels;
      if (initial != last) state.starts.push_back(value);
      last = initial;
      rank += count;
    }
  }
  round_ = states_.empty() ? Round::none : Round::ranks;
}

void FineClasses::prepare_ranks(Statistics const& statistics) {
  for (auto& [date, state] : states_) {
    auto const sums = statistics.find(name(date, "sums"));
    std::size_t const bands = sums.size() / state.starts.size() - 1;
    state.centres = means(sums, bands, std::vector<double>(state.starts.size() * bands));
  }
  round_ = Round::assignments;
}

void FineClasses::prepare_assignments(Statistics const& statistics) {
  bool all_done = true;
  for (auto& [date, state] : states_) {
    if (state.done) continue;
    auto const changes = statistics.find(name(date, "changes"));
    ++state.assignments;
    bool const settled = state.assignments >= 2 && changes[0] * stop_share <= changes[1];
    state.done = settled || state.assignments == settings_.assignments;
    all_done = all_done && state.done;
    if (state.done) continue;
    std::size_t const bands = state.centres.size() / state.starts.size();
    state.previous = state.centres;
    state.centres = means(statistics.find(name(date, "sums")), bands, state.previous);
  }
  if (all_done) round_ = Round::none;
}

int FineClasses::count(Date date) const {
  if (settings_.class_map) return static_cast<int>(map_labels_.size());
  auto const found = states_.find(date);
  return found == states_.end() ? 0 : static_cast<int>(found->second.starts.size());
}

std::vector<double> const& FineClasses::centres(Date date) const {
  auto const found = states_.find(date);
  ensure(found != states_.end(), "centres are asked for where k-means found classes");
  return found->second.centres;
}

int FineClasses::assignments(Date date) const {
  auto const found = states_.find(date);
  return found == states_.end() ? 0 : found->second.assignments;
}

std::vector<std::int16_t> FineClasses::labels(FusionInput const& input, int index, bool fill) const {
  ensure(done(), "classes are known after the first pass");
  int const width = input.padded_px.width;
  std::vector<std::int16_t> labels(static_cast<std::size_t>(input.padded_px.area()), -1);
  Date const date = input.fine.dates[static_cast<std::size_t>(index)];
  if (count(date) == 0) return labels;
  parallel_for(0, input.padded_px.height, [&](int y) {
    std::int16_t* const row = labels.data() + static_cast<std::ptrdiff_t>(y) * width;
    auto const bands = band_rows(input.fine.dn, index, y);
    if (!settings_.class_map) nearest_centres(bands, width, centres(date), row);
    for (int x = 0; x < width; ++x) {
      if (settings_.class_map) {
        auto const at = std::ranges::lower_bound(map_labels_, input.classes.at(0, 0, y, x));
        bool const known = at != map_labels_.end() && *at == input.classes.at(0, 0, y, x);
        row[x] = known ? static_cast<std::int16_t>(at - map_labels_.begin()) : std::int16_t{-1};
      }
      if (bands[0][x] == no_data_dn && !(fill && settings_.class_map)) row[x] = -1;
    }
  });
  return labels;
}

}  // namespace stfcube
