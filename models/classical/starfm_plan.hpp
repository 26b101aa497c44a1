#pragma once

#include <array>
#include <map>
#include <span>
#include <vector>

#include "stfcube/models/classical/starfm_settings.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/core/date.hpp"

namespace stfcube {

/// A stretch of target dates that use the same pairs at a pixel.
struct StarfmRun {
  int first = 0, last = 0;       ///< targets first <= t < last
  int pairs = 0;                 ///< 1 or 2
  std::array<int, 2> pair = {};  ///< ascending in time
  bool use_t = false;            ///< temporal difference in the weight
};

/// Targets that follow one another and use the same pair, alone or beside another: what is looked up for the
/// pair serves them all.
struct StarfmStretch {
  int pair = 0;
  int first = 0, last = 0;  ///< targets first <= t < last
  bool use_t = false;
  int pairs = 0;  ///< most pairs that one of the targets uses
};

/// What a pixel's targets are predicted from. Targets outside the runs have no pair.
struct StarfmPlan {
  std::vector<StarfmRun> runs;           ///< ascending, disjoint
  std::vector<StarfmStretch> stretches;  ///< the runs again, pair by pair; pairs ascending in time
  std::vector<double> flags;  ///< per target: quality::fused, with quality::extrapolated where the pairs lie
                              ///< on one side; longer than the targets, for vector code
};

/// Chooses pairs by which of them are valid at a pixel. Not thread-safe; remembers what it has worked out.
class StarfmPlanner {
 public:
  StarfmPlanner(std::span<Pair const> pairs, std::span<Date const> targets, StarfmSettings const& settings,
                int max_gap_days);

  /// The plan of a pixel where pair p can be used when usable[p]. Lives as long as the planner.
  StarfmPlan const& plan(std::vector<bool> const& usable);

 private:
  StarfmPlan make(std::vector<bool> const& usable);

  std::vector<Pair> pairs_;
  std::vector<Date> targets_;
  StarfmSettings const& settings_;
  PairPlanner planner_;
  std::map<std::vector<bool>, StarfmPlan> known_;
};

}  // namespace stfcube
