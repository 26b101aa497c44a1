#include "stfcube/models/classical/purest_cells.hpp"

#include <limits>
#include <map>

#include <fmt/format.h>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// What a tally of purest cells holds at count n: cells at n (bands + 1), the sum of band b at n (bands + 1)
/// + 1 + b.
std::int64_t key(std::int64_t count, int bands, int entry) {
  return count * (bands + 1) + entry;
}

std::string class_subject(std::string const& subject, int c) {
  return fmt::format("{}/{}", subject, c);
}

/// What the purest cells of one class add up to.
struct PurestSums {
  std::int64_t cells = 0;
  std::vector<std::int64_t> values;  ///< [band]

  PurestSums(Tally const& tally, int bands, int most) : values(static_cast<std::size_t>(bands)) {
    Tally counts;
    for (auto const& [at, value] : tally) {
      if (at % (bands + 1) == 0) counts[at / (bands + 1)] = value;
    }
    std::int64_t const least = purest_count(counts, most);
    for (auto entry = tally.lower_bound(key(least, bands, 0)); entry != tally.end(); ++entry) {
      auto const which = entry->first % (bands + 1);
      (which == 0 ? cells : values[static_cast<std::size_t>(which) - 1]) += entry->second;
    }
  }
};

/// Calls `body(cell)` for the cells whose upper left pixel lies in `px`.
template <class Body>
void for_cells(CellCounts const& counts, Rect const& px, Body const& body) {
  for (int row = counts.cells.y; row < counts.cells.bottom(); ++row) {
    for (int column = counts.cells.x; column < counts.cells.right(); ++column) {
      if (px.contains({column * counts.ratio, row * counts.ratio, 1, 1})) body(counts.at(column, row));
    }
  }
}

/// Adds the number of usable cells and the sums of their values.
void observe_all(StatZones const& zones, std::string const& subject, Rect const& px, CellCounts const& counts,
                 CellValues const& values, Statistics& statistics) {
  for (auto const& piece : zones.pieces(subject, px)) {
    std::vector<std::int64_t> sums(1 + static_cast<std::size_t>(values.bands));
    for_cells(counts, piece.px, [&](std::size_t cell) {
      if (!values.valid[cell] || !counts.usable(cell)) return;
      ++sums[0];
      for (std::size_t band = 0; band + 1 < sums.size(); ++band)
        sums[band + 1] += values.values[band * counts.size() + cell];
    });
    if (sums[0] == 0) continue;
    auto const row = statistics.row(piece.name, sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i) row[i] += sums[i];
  }
}

}  // namespace

std::int64_t purest_count(Tally const& counts, int most) {
  std::int64_t cells = 0;
  for (auto entry = counts.rbegin(); entry != counts.rend(); ++entry) {
    cells += entry->second;
    if (cells >= most) return entry->first;
  }
  return counts.empty() ? 0 : counts.begin()->first;
}

CellValues coarse_values(FusionInput const& input, Rect const& cells, int plus, int minus) {
  ensure(input.cells.contains(cells), "the coarse cells at hand reach as far as the whole cells");
  Stack<Dn> const& dn = input.coarse.dn;
  CellValues result{dn.bands(), {}, std::vector<std::uint8_t>(static_cast<std::size_t>(cells.area()), 1)};
  result.values.reserve(static_cast<std::size_t>(dn.bands()) * result.valid.size());
  for (int band = 0; band < dn.bands(); ++band) {
    std::size_t cell = 0;
    for (int y = cells.y; y < cells.bottom(); ++y) {
      for (int x = cells.x; x < cells.right(); ++x, ++cell) {
        int const a = dn.at(plus, band, y - input.cells.y, x - input.cells.x);
        int const b = minus < 0 ? 0 : dn.at(minus, band, y - input.cells.y, x - input.cells.x);
        if (a == no_data_dn || b == no_data_dn) result.valid[cell] = 0;
        result.values.push_back(a - b);
      }
    }
  }
  return result;
}

void observe_purest(StatZones const& zones, std::string const& subject, CellCounts const& counts,
                    CellValues const& values, int most, Statistics& statistics) {
  Rect const& cells = counts.cells;
  Rect const px{cells.x * counts.ratio, cells.y * counts.ratio, cells.width * counts.ratio,
                cells.height * counts.ratio};
  observe_all(zones, subject + "/all", px, counts, values, statistics);
  for (int c = 0; c < counts.classes; ++c) {
    auto const of_class = counts.of_class(c);
    auto const chosen = [&](std::size_t cell) {
      return values.valid[cell] && counts.usable(cell) && may_be_pure(of_class[cell], counts.ratio);
    };
    for (auto const& piece : zones.pieces(class_subject(subject, c), px)) {
      Tally here;
      for_cells(counts, piece.px, [&](std::size_t cell) {
        if (chosen(cell)) ++here[of_class[cell]];
      });
      if (here.empty()) continue;
      std::int64_t const least = purest_count(here, most);
      Tally& tally = statistics.tally(piece.name);
      for_cells(counts, piece.px, [&](std::size_t cell) {
        std::int64_t const count = of_class[cell];
        if (!chosen(cell) || count < least) return;
        ++tally[key(count, values.bands, 0)];
        for (int band = 0; band < values.bands; ++band) {
          tally[key(count, values.bands, 1 + band)] +=
              values.values[static_cast<std::size_t>(band) * counts.size() + cell];
        }
      });
    }
  }
}

std::vector<double> purest_means(StatZones const& zones, StatZones::Zone zone, std::string const& subject,
                                 int classes, int bands, int most, Statistics const& statistics) {
  auto const all = zones.sum(statistics, subject + "/all", zone);
  if (all.empty()) return {};
  std::vector<double> means;
  for (int band = 0; band < bands; ++band) {
    double const mean =
        static_cast<double>(all[static_cast<std::size_t>(band) + 1]) / static_cast<double>(all[0]);
    means.insert(means.end(), static_cast<std::size_t>(classes), mean);
  }
  for (int c = 0; c < classes; ++c) {
    Tally const tally = zones.tally(statistics, class_subject(subject, c), zone);
    if (tally.empty()) continue;
    PurestSums const sums(tally, bands, most);
    for (std::size_t band = 0; band < sums.values.size(); ++band) {
      means[band * static_cast<std::size_t>(classes) + static_cast<std::size_t>(c)] =
          static_cast<double>(sums.values[band]) / static_cast<double>(sums.cells);
    }
  }
  return means;
}

std::vector<double> purest_prior(StatZones const& zones, std::string const& subject, int classes, int bands,
                                 int most, Statistics const& statistics, FusionInput const& input,
                                 Rect const& wanted) {
  auto const entries = static_cast<std::size_t>(classes) * static_cast<std::size_t>(bands);
  auto const means_of = [&](StatZones::Zone zone) {
    return purest_means(zones, zone, subject, classes, bands, most, statistics);
  };
  Rect const px = intersect({wanted.x * input.ratio, wanted.y * input.ratio, wanted.width * input.ratio,
                             wanted.height * input.ratio},
                            input.scene_px);
  auto const all_zones = zones.zones_of(input.scene_px, px);
  if (all_zones.size() == 1) {
    auto const means = means_of(all_zones.front());
    return means.empty() ? std::vector<double>(entries, std::numeric_limits<double>::quiet_NaN()) : means;
  }
  std::map<StatZones::Zone, std::vector<double>> tables;
  for (auto const& zone : all_zones) tables[zone] = means_of(zone);
  std::vector<double> prior(entries * static_cast<std::size_t>(wanted.area()));
  std::size_t cell = 0;
  for (int row = wanted.y; row < wanted.bottom(); ++row) {
    for (int column = wanted.x; column < wanted.right(); ++column, ++cell) {
      auto const mixture = zones.at(input.scene_px, column * input.ratio + input.ratio / 2,
                                    row * input.ratio + input.ratio / 2);
      double weight = 0;
      std::vector<double> sums(entries);
      for (std::size_t i = 0; i < 4; ++i) {
        auto const& table = tables[mixture.zones[i]];
        if (table.empty()) continue;
        weight += mixture.weights[i];
        for (std::size_t e = 0; e < entries; ++e) sums[e] += mixture.weights[i] * table[e];
      }
      for (std::size_t e = 0; e < entries; ++e)
        prior[e * static_cast<std::size_t>(wanted.area()) + cell] =
            sums[e] / weight;  // 0 / 0: nothing is known
    }
  }
  return prior;
}

}  // namespace stfcube
