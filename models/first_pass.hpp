#pragma once

#include <vector>

#include "stfcube/models/fusion_input.hpp"
#include "stfcube/models/statistics.hpp"

namespace stfcube {

/// What one call of FirstPass::observe sees of a tile.
enum class Observed {
  pair,                ///< both images of one pair
  pair_and_targets,    ///< also the targets that may use the pair, with their coarse images
  neighbouring_pairs,  ///< a pair and the next one, and the targets between them (both ends included)
  pairs_and_between,   ///< the same, with all coarse images between the two
  coarse_series,       ///< the coarse images of all pairs and targets; of the fine ones the dates alone
};

/// Statistics of a whole job, gathered tile by tile before anything is predicted, in one round or several.
class FirstPass {
 public:
  virtual ~FirstPass() = default;

  virtual Observed observed() const = 0;

  /// True when `observe` must see every tile. Asked again after each `prepare`: there may be several rounds
  /// (the iterations of k-means).
  virtual bool wants_statistics() const { return false; }

  /// The parts of a tile that are looked at, with corners at multiples of the ratio or edges of the scene; a
  /// function of the grid, never of tiles: parts of two tiles are parts of both together.
  virtual std::vector<Rect> parts(Rect const& /*scene_px*/, int /*ratio*/, Rect const& core_px) const {
    return {core_px};
  }

  /// Whether images that cannot be read are left out instead of ending the run.
  virtual bool tolerates_unreadable() const { return false; }

  /// Adds what this tile contributes. Called once for every tile and everything that `observed` names. The
  /// cores of all calls for the same images are disjoint, cover the scene, hold whole coarse cells (their
  /// corners are multiples of the ratio, or edges of the scene), and have no halo: padded_px == core_px,
  /// cells are those of the core. Thread-safe for different `statistics`.
  virtual void observe(FusionInput const& /*input*/, Statistics& /*statistics*/) const {}

  /// The merged result of one round; called on every rank. @throws Error(model) when nothing can be made of
  /// it
  virtual void prepare(Statistics const& /*statistics*/) {}
};

}  // namespace stfcube
