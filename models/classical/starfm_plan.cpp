#include "stfcube/models/classical/starfm_plan.hpp"

#include <algorithm>

namespace stfcube {
namespace {

/// Vector code reads the flags in pieces of up to 16 targets.
constexpr std::size_t flags_margin = 16;

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
    : pairs_(pairs.begin(), pairs.end()),
      targets_(targets.begin(), targets.end()),
      settings_(settings),
      planner_(pairs, targets, settings.pairs, max_gap_days) {}

StarfmPlan const& StarfmPlanner::plan(std::vector<bool> const& usable) {
  auto const found = known_.find(usable);
  return found != known_.end() ? found->second : known_.emplace(usable, make(usable)).first->second;
}

StarfmPlan StarfmPlanner::make(std::vector<bool> const& usable) {
  StarfmPlan plan;
  plan.flags.resize(targets_.size() + flags_margin);
  for (PairRun const& run : planner_.runs(usable)) {
    plan.runs.push_back(
        {run.first, run.last, run.pairs, run.pair, settings_.use_t.value_or(run.pairs == 2)});
    for (int t = run.first; t < run.last; ++t) {
      auto const at = static_cast<std::size_t>(t);
      plan.flags[at] = fused_flags(run, pairs_, targets_[at]);
    }
  }
  plan.stretches = stretches_of(plan.runs, static_cast<int>(pairs_.size()));
  return plan;
}

}  // namespace stfcube
