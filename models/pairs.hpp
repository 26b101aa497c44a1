#pragma once

#include <span>
#include <vector>

#include "stfcube/partitioning/core/date.hpp"

namespace stfcube {

/// A fine and a coarse observation of (nearly) the same day, as indices into the two series.
struct Pair {
  Date date;      ///< of the fine observation
  int fine = 0;
  int coarse = 0;
  auto operator<=>(Pair const&) const = default;
};

/// Every fine date with the nearest coarse date at most `tolerance_days` away (ties: the earlier one). Ascending.
/// Dates are ascending and unique.
std::vector<Pair> find_pairs(std::span<Date const> fine, std::span<Date const> coarse, int tolerance_days);

/// The pairs a target may use, nearest first, on each side; a pair of the target date itself stands in `before`.
/// The choice among them is made per pixel: the first that is valid there, so that it never depends on a tile.
struct PairOrder {
  std::vector<int> before, after;  ///< indices into the list of pairs
};
PairOrder pair_order(std::span<Pair const> pairs, Date target, int max_gap_days);

/// The same for single observations: indices into their dates.
PairOrder date_order(std::span<Date const> dates, Date target, int max_gap_days);

/// Both sides merged in order of |date - target| (ties: the earlier one), for methods of one pair.
std::vector<int> nearest_first(std::span<Pair const> pairs, PairOrder const& order, Date target);

}  // namespace stfcube
