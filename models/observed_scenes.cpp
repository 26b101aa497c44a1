#include "stfcube/models/observed_scenes.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace stfcube {
namespace {

ObservedScenes scenes(std::span<Pair const> pairs, std::span<Date const> coarse_dates,
                      std::vector<Date> targets) {
  ObservedScenes chosen;
  std::set<int> coarse;
  for (Pair const& pair : pairs) {
    chosen.fine.push_back(pair.fine);
    coarse.insert(pair.coarse);
  }
  for (Date const target : targets) {
    auto const found = std::ranges::lower_bound(coarse_dates, target);
    if (found != coarse_dates.end() && *found == target)
      coarse.insert(static_cast<int>(found - coarse_dates.begin()));
  }
  chosen.coarse.assign(coarse.begin(), coarse.end());
  chosen.targets = std::move(targets);
  return chosen;
}

/// Adds the coarse images between two.
void add_between(int first, int last, ObservedScenes& to) {
  std::set<int> coarse(to.coarse.begin(), to.coarse.end());
  for (int i = first; i <= last; ++i) coarse.insert(i);
  to.coarse.assign(coarse.begin(), coarse.end());
}

template <class Accept>
std::vector<Date> targets_where(std::span<Date const> targets, Accept const& accept) {
  std::vector<Date> accepted;
  std::ranges::copy_if(targets, std::back_inserter(accepted), accept);
  return accepted;
}

}  // namespace

std::vector<ObservedScenes> observed_scenes(Observed what, std::span<Pair const> pairs,
                                            std::span<Date const> coarse_dates, std::span<Date const> targets,
                                            int max_gap_days) {
  std::vector<ObservedScenes> calls;
  if (what == Observed::coarse_series) {
    calls.push_back(scenes(pairs, coarse_dates, {targets.begin(), targets.end()}));
    calls.back().fine_images = false;
    return calls;
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (what == Observed::pair) {
      calls.push_back(scenes(pairs.subspan(i, 1), coarse_dates, {}));
    } else if (what == Observed::pair_and_targets) {
      calls.push_back(scenes(pairs.subspan(i, 1), coarse_dates, targets_where(targets, [&](Date t) {
                               return std::abs(pairs[i].date - t) <= max_gap_days;
                             })));
    } else if (i + 1 < pairs.size()) {
      calls.push_back(scenes(pairs.subspan(i, 2), coarse_dates, targets_where(targets, [&](Date t) {
                               return pairs[i].date <= t && t <= pairs[i + 1].date;
                             })));
      if (what == Observed::pairs_and_between)
        add_between(pairs[i].coarse, pairs[i + 1].coarse, calls.back());
    }
  }
  return calls;
}

}  // namespace stfcube
