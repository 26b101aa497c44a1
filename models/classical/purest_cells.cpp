#include "stfcube/models/classical/purest_cells.hpp"

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

/// Calls `body(cell)` for the cells whose upper left pixel lies in `px`.
template <class Body>
void for_cells(CellCounts const& counts, Rect const& px, Body const& body) {
  for (int row = counts.cells.y; row < counts.cells.bottom(); ++row) {
    for (int column = counts.cells.x; column < counts.cells.right(); ++column) {
      if (px.contains({column * counts.ratio, row * counts.ratio, 1, 1})) body(counts.at(column, row));
    }
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
  for (int c = 0; c < counts.classes; ++c) {
    auto const of_class = counts.of_class(c);
    auto const chosen = [&](std::size_t cell) {
      return values.valid[cell] && counts.usable(cell) && may_be_pure(of_class[cell], counts.ratio);
    };
    for (auto const& piece : zones.pieces(fmt::format("{}/{}", subject, c), px)) {
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

std::optional<std::vector<double>> purest_means(StatZones const& zones, StatZones::Zone zone,
                                                std::string const& subject, int c, int bands, int most,
                                                Statistics const& statistics) {
  Tally const tally = zones.tally(statistics, fmt::format("{}/{}", subject, c), zone);
  Tally counts;
  for (auto const& [at, value] : tally) {
    if (at % (bands + 1) == 0) counts[at / (bands + 1)] = value;
  }
  if (counts.empty()) return std::nullopt;
  std::int64_t const least = purest_count(counts, most);
  std::int64_t cells = 0;
  std::vector<std::int64_t> sums(static_cast<std::size_t>(bands));
  for (auto entry = tally.lower_bound(key(least, bands, 0)); entry != tally.end(); ++entry) {
    auto const which = entry->first % (bands + 1);
    (which == 0 ? cells : sums[static_cast<std::size_t>(which) - 1]) += entry->second;
  }
  std::vector<double> means;
  for (std::int64_t const sum : sums) means.push_back(static_cast<double>(sum) / static_cast<double>(cells));
  return means;
}

}  // namespace stfcube
