#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// Square patches that begin at multiples of a stride on the target grid, whatever the tiles. They may reach
/// beyond the scene.
class PatchLattice {
 public:
  PatchLattice(int patch_px, int stride_px) : patch_(patch_px), stride_(stride_px) {}

  /// Every patch that holds a pixel of `px`, row-major.
  std::vector<Rect> patches_of(Rect const& px) const;
  /// Tile corners have to be multiples of this.
  int corner_step() const;
  /// How far the patches of a tile reach beyond it.
  int halo() const;
  /// Raised cosine (Hann) at pixel `i` of a side: small at the edge, where a patch knows least, and never 0.
  double weight(int i) const;

  int patch_px() const { return patch_; }

 private:
  int patch_, stride_;
};

/// The weighted mean of patches over a rectangle. Patches have to be added in an order that does not depend
/// on tiles.
class PatchBlend {
 public:
  /// @param planes  of each patch and of the result
  PatchBlend(PatchLattice const& lattice, Rect const& px, int planes);

  /// @param values  [planes, patch, patch]
  void add(Rect const& patch, std::vector<float> const& values);
  /// [planes, y, x]; 0 where no patch was added.
  std::vector<float> result() const;

 private:
  PatchLattice lattice_;
  Rect px_;
  std::size_t planes_;
  std::vector<double> sums_, weights_;
};

}  // namespace stfcube
