#pragma once

#include <map>
#include <span>
#include <vector>

#include "stfcube/models/classical/bounded_least_squares.hpp"
#include "stfcube/models/classical/class_change.hpp"
#include "stfcube/models/classical/class_memberships.hpp"
#include "stfcube/models/classical/closest_pixels.hpp"
#include "stfcube/models/classical/coarse_planes.hpp"

namespace stfcube {

/// Finds by how much the fractions of classes in a coarse cell changed. Immutable.
/// @source specs: fsdaf.md, SFSDAF
class FractionUnmixing {
 public:
  /// @param endmembers  values of the classes at the target, [band, class], DN
  FractionUnmixing(std::vector<double> endmembers, int classes);

  /// The change of the fractions that explains best what the changes of the classes do not explain of a
  /// coarse change: min |residual - sum of endmembers times change|^2 plus a small weight on the change
  /// itself, with all fractions from 0 to 1 after it and their sum 1. What does not matter for any band does
  /// not change.
  /// @param fractions  before the change, [class]; their sum is 1
  /// @param residual   [band], DN
  /// @param change     to be written, [class]
  void change(std::span<double const> fractions, std::span<double const> residual,
              std::span<double> change) const;

 private:
  std::size_t classes_;
  std::vector<double> endmembers_;
  NormalEquations equations_;  ///< without the right-hand side
  double sum_weight_;          ///< of the equation that fractions add up to 1
};

/// The temporal prediction of SFSDAF around a tile for one pair: classes change, and so do their fractions
/// inside the pixels.
/// @source Li et al. 2020, doi:10.1016/j.rse.2019.111537; specs: fsdaf.md, SFSDAF
class SubPixelChange {
 public:
  /// @param px       pixels to predict
  /// @param similar  pixels that changes of fractions are smoothed over
  SubPixelChange(FusionInput const& input, StatZones const& zones, ClassMemberships const& memberships,
                 Pair const& pair, Rect const& px, int similar);

  /// What is looked at beyond a pixel's own cell, px: the half window, and the cells of the interpolation.
  static int reach_px(int ratio) { return 2 * ratio; }
  static std::size_t bytes(TileShape const& shape, int ratio, int classes, int threads);

  /// Tables of the zones around the tile.
  struct Tables {
    std::map<StatZones::Zone, ChangeTable const*> changes, endmembers;
  };
  /// The change of every pixel of px whose cell is valid at both dates.
  /// @param coarse   the target's image
  /// @param changes  to be written: [px, stride], the first `bands` of each; DN. Others stay as they are
  void predict(int coarse, Tables const& tables, double* changes, std::size_t stride) const;

  ClosestPixels const& closest() const { return closest_; }

 private:
  struct Mixed;

  std::vector<CellField> cell_changes(int coarse, Tables const& tables) const;
  void mix(Tables const& tables, int x, int y, Mixed& mixed) const;
  bool cell_valid(int coarse, int column, int row, int band) const;
  void fractions_after(std::vector<std::vector<double>> const& planes, int x, int y,
                       ClosestPixels::Found& found, std::span<double> before, std::span<double> after) const;

  FusionInput const& input_;
  StatZones const& zones_;
  Pair pair_;
  Rect px_;
  Rect ring_px_;  ///< the pixels that px_ is smoothed over
  std::size_t bands_, classes_ = 0;
  std::vector<std::uint16_t> shares_;  ///< [class, padded_px]
  CellCounts counts_;
  CellFrame frame_;  ///< the cells that changes are interpolated between
  ClosestPixels closest_;
};

}  // namespace stfcube
