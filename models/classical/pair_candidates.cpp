#include "stfcube/models/classical/pair_candidates.hpp"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace stfcube {

std::vector<Pair> pair_candidates(std::span<Pair const> pairs, Date target, int max_gap_days, int most) {
  PairOrder const order = pair_order(pairs, target, max_gap_days);
  std::vector<std::tuple<std::size_t, int, Pair>> ranked;
  for (auto const* side : {&order.before, &order.after}) {
    for (std::size_t rank = 0; rank < side->size(); ++rank) {
      Pair const& pair = pairs[static_cast<std::size_t>((*side)[rank])];
      ranked.emplace_back(rank, std::abs(pair.date - target), pair);
    }
  }
  std::ranges::sort(ranked);
  std::vector<Pair> candidates;
  for (auto const& [rank, distance, pair] : ranked) {
    if (static_cast<int>(candidates.size()) < most) candidates.push_back(pair);
  }
  return candidates;
}

CandidateSet first_of(CandidateSet set, int most) {
  CandidateSet first = 0;
  for (; set != 0 && most > 0; --most) {
    CandidateSet const lowest = set & -set;
    first |= lowest;
    set &= ~lowest;
  }
  return first;
}

}  // namespace stfcube
