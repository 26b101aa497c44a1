#pragma once

#include <span>
#include <vector>

#include "stfcube/models/pairs.hpp"

namespace stfcube {

/// The pairs that a target may use, best first: the nearest of both sides of the target (or on it), then the
/// next of both, and so on; of two equally good the earlier. A function of dates alone.
/// @param most  of them, at most
std::vector<Pair> pair_candidates(std::span<Pair const> pairs, Date target, int max_gap_days, int most);

/// Sets of candidates, bit by bit.
using CandidateSet = unsigned;

/// The first `most` candidates of a set.
CandidateSet first_of(CandidateSet set, int most);

}  // namespace stfcube
