#pragma once

#include <array>
#include <cstdint>

#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// The coarse cells a method has at hand, on the coarse grid.
struct CellFrame {
  Rect held;      ///< cells in the planes of the coarse series
  Rect scene;     ///< all cells of the scene; indices are clamped or clipped here
  int ratio = 1;  ///< coarse pixel / fine pixel
};
CellFrame cell_frame(FusionInput const& input);

/// An exact value: `sum / weight` DN; no valid cell when `weight` is 0.
struct WeightedSum {
  std::int64_t sum = 0, weight = 0;

  bool valid() const { return weight > 0; }
  /// Rounded half away from zero; no_data_dn when not valid.
  Dn rounded() const;
};

/// How the value of one fine pixel is made from coarse cells: cells and integer weights. The same for all
/// dates and bands. A value type without heap memory.
class CellStencil {
 public:
  /// Cell (column, row) of the coarse grid, clamped to the scene, with a positive weight.
  /// @throws Error(internal) when the frame does not hold the cell
  void add(CellFrame const& frame, int column, int row, int weight);

  /// The weighted sum over the valid cells of one plane [held rows, held columns]: invalid cells are dropped
  /// and the remaining weight divides.
  WeightedSum over(Dn const* plane) const;

  /// The weight when every cell is valid: 1 for nearest, 4 ratio^2 for bilinear.
  std::int64_t full_weight() const { return full_weight_; }

 private:
  struct Tap {
    std::int32_t offset = 0, weight = 0;
  };
  std::array<Tap, 9> taps_;
  int count_ = 0;
  std::int64_t full_weight_ = 0;
};

/// The cell that holds fine pixel (x, y) of the target grid.
/// @source specs: conventions, section 4
CellStencil nearest_cell(CellFrame const& frame, int x, int y);

/// The four cells around the centre of fine pixel (x, y); weights are integers over 4 ratio^2. Looks at most
/// one cell beyond the pixel's own.
/// @source specs: conventions, section 4, rounded bilinear
CellStencil bilinear_cells(CellFrame const& frame, int x, int y);

/// The 3 x 3 cells around the cell that holds fine pixel (x, y), clipped at the scene, equal weights.
CellStencil cells_around(CellFrame const& frame, int x, int y);

}  // namespace stfcube
