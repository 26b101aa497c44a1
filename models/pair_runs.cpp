#include "stfcube/models/pair_runs.hpp"

#include <algorithm>
#include <set>

namespace stfcube {
namespace {

/// The first index that is usable, or -1.
int first_usable(std::span<int const> order, std::vector<bool> const& usable) {
  auto const found = std::ranges::find_if(order, [&](int p) { return usable[static_cast<std::size_t>(p)]; });
  return found == order.end() ? -1 : *found;
}

}  // namespace

PairPlanner::PairPlanner(std::span<Pair const> pairs, std::span<Date const> targets, int most_pairs,
                         int max_gap_days)
    : pairs_(pairs.begin(), pairs.end()), targets_(targets.begin(), targets.end()), most_pairs_(most_pairs) {
  for (Date const target : targets) orders_.push_back(pair_order(pairs, target, max_gap_days));
}

std::vector<PairRun> const& PairPlanner::runs(std::vector<bool> const& usable) {
  auto const [entry, is_new] = known_.try_emplace(usable);
  if (!is_new) return entry->second;
  std::vector<PairRun>& runs = entry->second;
  for (int t = 0; t < static_cast<int>(targets_.size()); ++t) {
    PairRun const run = choose(t, usable);
    if (run.pairs == 0) continue;
    bool const goes_on = !runs.empty() && runs.back().last == t && runs.back().pairs == run.pairs &&
                         runs.back().pair == run.pair;
    if (goes_on) {
      runs.back().last = run.last;
    } else {
      runs.push_back(run);
    }
  }
  return runs;
}

PairRun PairPlanner::choose(int target, std::vector<bool> const& usable) const {
  PairOrder const& order = orders_[static_cast<std::size_t>(target)];
  PairRun run{.first = target, .last = target + 1};
  auto const add = [&](int pair) {
    if (pair >= 0) run.pair[static_cast<std::size_t>(run.pairs++)] = pair;
  };
  if (most_pairs_ == 1) {
    add(first_usable(nearest_first(pairs_, order, targets_[static_cast<std::size_t>(target)]), usable));
  } else {
    add(first_usable(order.before, usable));
    add(first_usable(order.after, usable));
  }
  return run;
}

std::vector<Pair> pairs_in_reach(FusionInput const& input, int tolerance_days, int max_gap_days) {
  auto const all = find_pairs(input.fine.dates, input.coarse.dates, tolerance_days);
  std::set<Pair> reached;
  for (Date const target : input.targets) {
    PairOrder const order = pair_order(all, target, max_gap_days);
    for (int const p : order.before) reached.insert(all[static_cast<std::size_t>(p)]);
    for (int const p : order.after) reached.insert(all[static_cast<std::size_t>(p)]);
  }
  return {reached.begin(), reached.end()};
}

std::vector<int> coarse_of_targets(FusionInput const& input) {
  std::vector<int> indices;
  auto const& dates = input.coarse.dates;
  for (Date const target : input.targets) {
    auto const found = std::ranges::lower_bound(dates, target);
    indices.push_back(found == dates.end() || *found != target ? -1
                                                               : static_cast<int>(found - dates.begin()));
  }
  return indices;
}

quality::Flags fused_flags(PairRun const& run, std::span<Pair const> pairs, Date target) {
  bool const enclosed = run.pairs == 2 || pairs[static_cast<std::size_t>(run.pair[0])].date == target;
  return static_cast<quality::Flags>(quality::fused | (enclosed ? 0 : quality::extrapolated));
}

}  // namespace stfcube
