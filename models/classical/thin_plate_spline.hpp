#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/models/classical/resample.hpp"

namespace stfcube {

/// Local thin-plate splines through the centres of coarse cells, blended into one continuous surface. Around
/// every cell a spline runs through the valid ones of the (2 reach + 1)^2 cells; a pixel takes the splines of
/// the four cells around it with bilinear weights (a partition of unity). Exact at the centres of cells, and
/// a function of the cells at most reach + 1 away alone. Tables that depend on the ratio only; immutable.
/// @source specs: fsdaf.md, tps_local
class ThinPlateSpline {
 public:
  static constexpr int most_ratio = 128, most_reach = 5;

  /// @throws Error(internal) beyond the limits above
  ThinPlateSpline(int ratio, int reach);

  /// Cells beyond a pixel's own that its value may depend on.
  int halo_cells() const { return reach_ + 1; }
  int ratio() const { return ratio_; }
  /// Unknowns of one spline.
  int coefficients() const { return (2 * reach_ + 1) * (2 * reach_ + 1) + 3; }

 private:
  friend class SplineImage;

  int ratio_, reach_;
  /// Of a cell's surroundings, (2 reach + 3)^2 cells row-major, and of the cell's pixels, row-major:
  /// [cell][pixel].
  std::vector<double> kernel_;    ///< r^2 ln r
  std::vector<double> operator_;  ///< share of the cell's value in the pixel's, all cells valid
};

/// The surface of one coarse image: all its bands, which are valid at the same cells.
class SplineImage {
 public:
  /// @param fields  one per band; must outlive this. Cells within halo_cells() of `cells` that are in the
  ///                scene must be held
  /// @param cells   cells that values will be asked for, on the coarse grid
  SplineImage(ThinPlateSpline const& spline, CellFrame const& frame, std::vector<CellField> const& fields,
              Rect const& cells);

  /// Bytes beyond the fields, at most.
  static std::size_t bytes(int reach, int cells, int bands);

  /// Values of one band at the fine pixels of one cell, [ratio, ratio]; NaN where the four cells around a
  /// pixel are all invalid. Where a spline has fewer than six valid cells, or all on one line, it is replaced
  /// by bilinear interpolation. Thread-safe.
  void cell(int column, int row, int band, double* values) const;

 private:
  bool is_regular(int column, int row) const;
  void solve(int column, int row);
  void add_spline(int column, int row, int band, Rect const& neighbour, double* values) const;
  double bilinear_value(int column, int row, int band, double x, double y) const;
  std::size_t slot(int column, int row) const;
  double value(int column, int row, int band) const;

  ThinPlateSpline const& spline_;
  CellFrame frame_;
  std::vector<CellField> const& fields_;
  Rect reached_;  ///< cells whose splines may be asked for
  enum class State : std::uint8_t { unused, wanted, solved, bilinear };
  std::vector<State> states_;         ///< of the reached cells
  std::vector<double> coefficients_;  ///< [reached cell][band][a0, ax, ay, (2 reach + 1)^2 weights]
};

}  // namespace stfcube
