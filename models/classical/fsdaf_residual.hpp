#pragma once

#include <cstddef>
#include <vector>

#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {

/// The valid pixels of one coarse cell, one band, side by side; DN.
struct FsdafCell {
  /// @param pixels  of a whole cell
  explicit FsdafCell(std::size_t pixels);

  static constexpr int arrays = 8;  ///< of doubles

  double least_weight = 1e-6;           ///< added to all weights, DN
  std::size_t count = 0;                ///< valid pixels
  std::vector<double> homogeneity;      ///< share of pixels of the same class around, 0 to 1
  std::vector<double> fine;             ///< F_1
  std::vector<double> change;           ///< of the class; then what the pixel changes by in all
  std::vector<double> spatial;          ///< the spatial prediction
  std::vector<double> lowest, highest;  ///< limits of predictions, besides the valid range

  /// Shares what the classes do not explain of the coarse change among the pixels: `change` becomes the
  /// prediction less `fine`. The mean over the cell is `coarse_change` but for what the limits cut off.
  /// @param weight_cap  larger weights become 1
  /// @source specs: fsdaf.md, steps 5 and 8
  void share_residual(double coarse_change, double weight_cap, Quantity const& range);

 private:
  std::vector<double> temporal_, weight_;
};

}  // namespace stfcube
