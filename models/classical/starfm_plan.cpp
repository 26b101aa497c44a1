#include "stfcube/models/classical/starfm_plan.hpp"

#include <algorithm>

#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {
namespace {

/// Vector code reads the flags in pieces of up to 16 targets.
constexpr std::size_t flags_margin = 16;

/// The first index that is usable, or -1.
int first_usable(std::span<int const> order, std::vector<bool> const& usable) {
  auto const found = std::ranges::find_if(order, [&](int p) { return usable[static_cast<std::size_t>(p)]; });
  return found == order.end() ? -1 : *found;
}

bool continues(StarfmRun const& run, StarfmRun const& next) {
  return run.last == next.first && run.pairs == next.pairs && run.pair == next.pair;
}

bool uses(StarfmRun const& run, int pair) {
  return std::find(run.pair.begin(), run.pair.begin() + run.pairs, pair) != run.pair.begin() + run.pairs;
}

std::vector<StarfmStretch> stretches_of(std::vector<StarfmRun> const& runs, int pairs) {
  std::vector<StarfmStretch> stretches;
  for (int pair = 0; pair < pairs; ++pair) {
    bool open = false;
    for (StarfmRun const& run : runs) {
      bool const goes_on = open && uses(run, pair) && stretches.back().last == run.first &&
                           stretches.back().use_t == run.use_t;
      open = uses(run, pair);
      if (goes_on) {
        stretches.back().last = run.last;
        stretches.back().pairs = std::max(stretches.back().pairs, run.pairs);
      } else if (open) {
        stretches.push_back({pair, run.first, run.last, run.use_t, run.pairs});
      }
    }
  }
  return stretches;
}

}  // namespace

StarfmPlanner::StarfmPlanner(std::span<Pair const> pairs, std::span<Date const> targets,
                             StarfmSettings const& settings, int max_gap_days)
    : pairs_(pairs.begin(), pairs.end()), targets_(targets.begin(), targets.end()), settings_(settings) {
  for (Date const target : targets) orders_.push_back(pair_order(pairs, target, max_gap_days));
}

StarfmPlan const& StarfmPlanner::plan(std::vector<bool> const& usable) {
  auto const found = known_.find(usable);
  return found != known_.end() ? found->second : known_.emplace(usable, make(usable)).first->second;
}

StarfmRun StarfmPlanner::choose(int target, std::vector<bool> const& usable) const {
  PairOrder const& order = orders_[static_cast<std::size_t>(target)];
  StarfmRun run{.first = target, .last = target + 1};
  auto const add = [&](int pair) {
    if (pair >= 0) run.pair[static_cast<std::size_t>(run.pairs++)] = pair;
  };
  if (settings_.pairs == 1) {
    add(first_usable(nearest_first(pairs_, order, targets_[static_cast<std::size_t>(target)]), usable));
  } else {
    add(first_usable(order.before, usable));
    add(first_usable(order.after, usable));
  }
  run.use_t = settings_.use_t.value_or(run.pairs == 2);
  return run;
}

StarfmPlan StarfmPlanner::make(std::vector<bool> const& usable) const {
  StarfmPlan plan;
  for (int t = 0; t < static_cast<int>(targets_.size()); ++t) {
    StarfmRun const run = choose(t, usable);
    bool const enclosed =
        run.pairs == 2 || (run.pairs == 1 && pairs_[static_cast<std::size_t>(run.pair[0])].date ==
                                                 targets_[static_cast<std::size_t>(t)]);
    plan.flags.push_back(quality::fused | (enclosed ? 0 : quality::extrapolated));
    if (run.pairs == 0) continue;
    if (!plan.runs.empty() && continues(plan.runs.back(), run)) {
      plan.runs.back().last = run.last;
    } else {
      plan.runs.push_back(run);
    }
  }
  plan.stretches = stretches_of(plan.runs, static_cast<int>(pairs_.size()));
  plan.flags.resize(targets_.size() + flags_margin);
  return plan;
}

}  // namespace stfcube
