#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// What is believed of the pixels of one coarse cell before its coarse value is seen. Pixels of one group
/// have the same variance.
struct CellBelief {
  Rect px;  ///< pixels of the cell, on the target grid
  std::vector<std::int16_t>
      group;  ///< of each pixel, row-major; -1: nothing is believed, the pixel is left out
  int groups = 0, bands = 0;
  int known = 0;                   ///< pixels with a group
  std::vector<double> variance;    ///< [group, band], DN^2
  bool observed = false;           ///< the coarse value is there and some pixel is known
  std::vector<double> innovation;  ///< [band], DN: coarse value less what was expected

  double variance_of(int g, int band) const {
    return variance[static_cast<std::size_t>(g) * static_cast<std::size_t>(bands) +
                    static_cast<std::size_t>(band)];
  }
};

/// What the coarse values change in the belief of pixels of one cell: [band, pixel], pixels row-major. Pixels
/// without a group have no meaning.
struct CellUpdate {
  std::vector<double> shift;     ///< to add to the expected values, DN
  std::vector<double> variance;  ///< what is left, DN^2
};

/// Pixels are uncorrelated; the coarse value is the mean of the known pixels with noise. The exact Gaussian
/// conditional.
/// @source specs: bayesian.md, step 3
CellUpdate block_update(CellBelief const& cell, double coarse_sigma);

/// Correlations of pixels that fall as exp(-distance / length), standard deviations by group, as coarse cells
/// see them.
/// @source specs: bayesian.md, step 4
class CellCorrelation {
 public:
  /// @param length  pixels
  CellCorrelation(int ratio, double length);

  /// Covariance of the means of the known pixels of two cells, per band.
  std::vector<double> covariance(CellBelief const& a, CellBelief const& b) const;

  /// The update of a cell by the coarse values of several, itself among them or not. Those not observed are
  /// left out.
  /// @param covariances  [cell, cell, band] of `cells`
  CellUpdate update(CellBelief const& cell, std::span<CellBelief const* const> cells,
                    std::span<double const> covariances, double coarse_sigma) const;

 private:
  std::vector<double> seen_from(CellBelief const& source, CellBelief const& at) const;

  int reach_;                        ///< pixels: the largest distance along one axis in the table
  std::vector<double> correlation_;  ///< [|dy|, dx + reach]
};

}  // namespace stfcube
