#pragma once

#include <span>
#include <vector>

#include "stfcube/models/classical/sparse_coding.hpp"

namespace stfcube {

/// A dictionary of pairs of patches, fine and coarse: what a coarse patch is made of tells what the fine one
/// is. Immutable and thread-safe.
class CoupledDictionary {
 public:
  struct Training {
    int atoms = 256;
    int rounds = 10;
    CodingSettings coding = {.tolerance = 1e-6};
  };

  /// Learns from patches by turns of sparse coding and updates of one atom after the other (K-SVD with one
  /// power step for each atom). Starts with the first patches that are not zero. Works in parallel; the
  /// result does not depend on threads.
  /// @param patches  [patch, 2 x dimension]: the fine half, then the coarse one; the first ones make the
  /// first
  ///                 atoms
  /// @source Aharon, Elad, Bruckstein 2006, doi:10.1109/TSP.2006.881199; Rubinstein et al. 2008; specs:
  /// spstfm.md
  static CoupledDictionary learn(std::span<float const> patches, int dimension, Training const& training);

  /// @param atoms  [atom, 2 x dimension]
  CoupledDictionary(std::vector<float> atoms, int dimension);

  int atoms() const { return coder_.atoms(); }
  std::vector<float> const& values() const { return atoms_; }

  /// The fine patch that belongs to a coarse one.
  /// @param coarse, fine  `dimension` values; `fine` is written
  void synthesise(std::span<float const> coarse, CodingSettings const& settings, std::span<float> fine) const;

 private:
  std::vector<float> atoms_;
  int dimension_;
  SparseCoder coder_;  ///< of the coarse halves, as they are
};

}  // namespace stfcube
