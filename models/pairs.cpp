#include "stfcube/models/pairs.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace stfcube {

std::vector<Pair> find_pairs(std::span<Date const> fine, std::span<Date const> coarse, int tolerance_days) {
  std::vector<Pair> pairs;
  for (std::size_t f = 0; f < fine.size(); ++f) {
    // min_element keeps the first of equals: the earlier date.
    auto const best = std::ranges::min_element(coarse, {}, [&](Date c) { return std::abs(c - fine[f]); });
    if (best == coarse.end() || std::abs(*best - fine[f]) > tolerance_days) continue;
    pairs.push_back({fine[f], static_cast<int>(f), static_cast<int>(std::distance(coarse.begin(), best))});
  }
  return pairs;
}

PairOrder pair_order(std::span<Pair const> pairs, Date target, int max_gap_days) {
  std::vector<Date> dates;
  for (Pair const& pair : pairs) dates.push_back(pair.date);
  return date_order(dates, target, max_gap_days);
}

PairOrder date_order(std::span<Date const> dates, Date target, int max_gap_days) {
  PairOrder order;
  for (int i = 0; i < static_cast<int>(dates.size()); ++i) {
    int const days = dates[static_cast<std::size_t>(i)] - target;
    if (std::abs(days) > max_gap_days) continue;
    (days <= 0 ? order.before : order.after).push_back(i);
  }
  std::ranges::reverse(order.before);
  return order;
}

std::vector<int> nearest_first(std::span<Pair const> pairs, PairOrder const& order, Date target) {
  std::vector<int> merged;
  std::ranges::merge(order.before, order.after, std::back_inserter(merged), {},
                     [&](int p) { return std::abs(pairs[static_cast<std::size_t>(p)].date - target); },
                     [&](int p) { return std::abs(pairs[static_cast<std::size_t>(p)].date - target); });
  return merged;
}

}  // namespace stfcube
