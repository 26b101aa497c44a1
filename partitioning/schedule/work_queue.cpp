#include "stfcube/partitioning/schedule/work_queue.hpp"

#include <algorithm>
#include <numeric>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

WorkQueue::WorkQueue(std::vector<std::vector<Unit>> const& work) {
  for (std::vector<Unit> const& units : work) pieces_.emplace_back(units.begin(), units.end());
}

std::optional<Unit> WorkQueue::next(int rank) {
  ensure(rank >= 0 && rank < static_cast<int>(pieces_.size()), "the rank has a piece of the work");
  std::deque<Unit>& mine = pieces_[static_cast<std::size_t>(rank)];
  if (mine.empty()) take_half_of_longest(mine);
  if (mine.empty()) return next_failed(rank);
  Unit const unit = mine.front();
  mine.pop_front();
  return unit;
}

void WorkQueue::take_half_of_longest(std::deque<Unit>& into) {
  auto& longest = *std::ranges::max_element(pieces_, {}, &std::deque<Unit>::size);
  auto const first = longest.end() - static_cast<std::ptrdiff_t>((longest.size() + 1) / 2);
  into.assign(first, longest.end());
  longest.erase(first, longest.end());
}

std::optional<Unit> WorkQueue::next_failed(int rank) {
  if (failed_.empty()) return std::nullopt;
  auto found = std::ranges::find_if(failed_, [&](Failed const& one) { return one.rank != rank; });
  if (found == failed_.end()) found = failed_.begin();
  Unit const unit = found->unit;
  failed_.erase(found);
  return unit;
}

void WorkQueue::retry(Unit unit, int rank) {
  failed_.push_back({unit, rank});
}

std::size_t WorkQueue::left() const {
  return std::accumulate(pieces_.begin(), pieces_.end(), failed_.size(),
                         [](std::size_t sum, std::deque<Unit> const& piece) { return sum + piece.size(); });
}

}  // namespace stfcube
