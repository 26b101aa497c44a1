#pragma once

#include <array>
#include <map>
#include <span>
#include <vector>

#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"

namespace stfcube {

/// A stretch of targets that use the same pairs at a pixel.
struct PairRun {
  int first = 0, last = 0;       ///< targets first <= t < last
  int pairs = 0;                 ///< 1 or 2
  std::array<int, 2> pair = {};  ///< ascending in time: indices into the pairs of the tile
  bool operator==(PairRun const&) const = default;
};

/// Chooses pairs by which of them are valid at a pixel, so that the choice never depends on a tile: with two
/// pairs the nearest valid one before (or on) the target and the nearest valid one after it, or the one that
/// exists; with one pair the nearest of both sides. Remembers what it has worked out; not thread-safe, one
/// for each thread.
class PairPlanner {
 public:
  /// @param most_pairs  1 or 2
  PairPlanner(std::span<Pair const> pairs, std::span<Date const> targets, int most_pairs, int max_gap_days);

  /// Runs of a pixel where pair p can be used when usable[p]: ascending and disjoint; targets without a pair
  /// are in none. Lives as long as the planner.
  std::vector<PairRun> const& runs(std::vector<bool> const& usable);

 private:
  PairRun choose(int target, std::vector<bool> const& usable) const;

  std::vector<Pair> pairs_;
  std::vector<Date> targets_;
  int most_pairs_;
  std::vector<PairOrder> orders_;
  std::map<std::vector<bool>, std::vector<PairRun>> known_;
};

/// The pairs that some target of the tile may use, ascending, as indices into the tile's two series.
std::vector<Pair> pairs_in_reach(FusionInput const& input, int tolerance_days, int max_gap_days);

/// For every target of the tile the index of its coarse observation; -1 when there is none.
std::vector<int> coarse_of_targets(FusionInput const& input);

/// quality::fused, with quality::extrapolated where all pairs of the run lie on one side of the target and
/// none on it.
quality::Flags fused_flags(PairRun const& run, std::span<Pair const> pairs, Date target);

}  // namespace stfcube
