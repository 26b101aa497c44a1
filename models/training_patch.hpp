#pragma once

#include <optional>
#include <vector>

#include "stfcube/models/fusion_input.hpp"
#include "stfcube/models/pairs.hpp"

namespace stfcube {

/// What a network learns from: the fine image of a date as its label, the coarse image of that date, and the
/// pairs that a prediction of it would start from.
struct TrainingTriple {
  Pair target, first;
  std::optional<Pair> second;
};

/// The triples of a series: each pair that `is_target` is a label in turn, with the nearest pair on each
/// side, at most `max_gap_days` away, that `is_reference`, as references. Pairs with a reference on one side
/// alone have one. A pair is never its own reference.
/// @param pairs  ascending
std::vector<TrainingTriple> training_triples(std::vector<Pair> const& pairs,
                                             std::vector<bool> const& is_target,
                                             std::vector<bool> const& is_reference, int max_gap_days);

/// The images of one patch as a patch file has them: fine and coarse image of the target, the first and the
/// second reference, each [band, y, x] over the core; no_data_dn where there is no value, and for a second
/// reference that is absent. Coarse images are bilinear on the fine grid.
/// @param input  holds the fine images over its core at least, and the coarse cells one beyond it
/// @param triple  indices into the series of `input`
std::vector<Dn> training_patch(FusionInput const& input, TrainingTriple const& triple);

/// The smallest share of valid pixels among the images of a patch.
/// @param values  of training_patch; @param images  how many of its images count, from the first
double valid_share(std::vector<Dn> const& values, int images);

}  // namespace stfcube
