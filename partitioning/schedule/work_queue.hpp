#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "stfcube/partitioning/schedule/plan.hpp"

namespace stfcube {

/// Hands units out to ranks that ask for them. Every rank first gets its own piece of the Hilbert curve, in
/// order, so that neighbouring tiles share what was read; who is through takes the later half of the longest
/// piece that is left. What failed once is handed out again at the end, to another rank if there is one that
/// asks. Pure and not thread-safe; the order in which ranks ask decides who works on what, never what is
/// worked on.
class WorkQueue {
 public:
  /// @param work  the units of each rank in the order of work (`assign`)
  explicit WorkQueue(std::vector<std::vector<Unit>> const& work);

  /// The next unit for a rank; nothing when none is left.
  std::optional<Unit> next(int rank);

  /// Takes a unit back that this rank could not do.
  void retry(Unit unit, int rank);

  /// Units that were not handed out yet, or came back.
  std::size_t left() const;

 private:
  struct Failed {
    Unit unit;
    int rank;
  };

  std::optional<Unit> next_failed(int rank);
  void take_half_of_longest(std::deque<Unit>& into);

  std::vector<std::deque<Unit>> pieces_;
  std::vector<Failed> failed_;
};

}  // namespace stfcube
