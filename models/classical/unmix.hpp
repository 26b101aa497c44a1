#pragma once

#include <span>
#include <vector>

#include "stfcube/models/classical/bounded_least_squares.hpp"
#include "stfcube/models/classical/cell_fractions.hpp"
#include "stfcube/models/classical/purest_cells.hpp"

namespace stfcube {

struct UnmixSettings {
  int radius = 4;                   ///< of the window, cells
  double ridge = 1;                 ///< weight of the prior, in cells that hold one class alone
  double smallest_share = 0;        ///< a class below this share in every cell of the window keeps its prior
  std::vector<Bounds> bounds = {};  ///< per band, DN; empty: none
};

/// Values of the classes around each coarse cell.
struct Unmixed {
  Rect cells;
  int classes = 0, bands = 0;
  std::vector<double> values;      ///< [band, class, row, column], DN; NaN where the window has no valid cell
  std::vector<double> residual;    ///< [band, row, column]: root mean square over the window, DN
  std::vector<std::int32_t> used;  ///< [row, column]: valid cells in the window

  std::size_t size() const { return used.size(); }
  double value(int band, int c, std::size_t cell) const {
    return values[(static_cast<std::size_t>(band) * static_cast<std::size_t>(classes) +
                   static_cast<std::size_t>(c)) *
                      size() +
                  cell];
  }
};

/// The operator UNMIX: for each coarse cell and band the class values e that explain the values of the cells
/// around it, min sum (T - sum f_c e_c)^2 + ridge sum (e_c - e0_c)^2 within bounds, over the valid cells of a
/// window clipped at the scene. Works in parallel; sums over windows are exact, so nothing depends on the
/// tile.
/// @param fractions    must hold the wanted cells and `radius` more on each side, as far as the scene goes
/// @param values       for the cells of `fractions`
/// @param step         DN of one step of `values`
/// @param prior        [band, class]: e0, or [band, class, row, column] over `wanted`
/// @param scene_cells  all cells of the scene
/// @throws Error(internal) when cells are missing
/// @source specs: unmixing.md; Zhukov et al. 1999, doi:10.1109/36.763276
Unmixed unmix(CellFractions const& fractions, CellValues const& values, double step,
              std::span<double const> prior, UnmixSettings const& settings, Rect const& scene_cells,
              Rect const& wanted);

/// Bytes that `unmix` takes, its result included.
std::size_t unmix_bytes(std::size_t held_cells, int classes, int bands);

}  // namespace stfcube
