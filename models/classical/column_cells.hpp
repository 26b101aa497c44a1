#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "stfcube/models/classical/similar_pixels.hpp"
#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// Fields on the coarse cells of a block, side by side, that come to the fine grid by cubic convolution. A
/// cell is invalid in all fields (NaN) or in none.
/// @source specs: conventions, section 4; the same rule as bicubic_plane
class ColumnCells {
 public:
  static constexpr int columns = SimilarSearch::columns;

  /// @param px     fine pixels that are asked for, inside the scene
  /// @param scene  cells of the scene
  ColumnCells(Rect const& px, int ratio, Rect const& scene);
  /// @param pixels  width and height of `px`, at most
  static std::size_t bytes(int pixels, int ratio);
  /// Cells that `px` touches and two more on every side, at most.
  static int most_cells(int pixels, int ratio) { return (pixels - 1) / ratio + 2 + 4; }

  /// The cells held: those that `px` touches and two more on each side, clipped to the scene.
  Rect const& cells() const { return cells_; }
  std::size_t count() const { return static_cast<std::size_t>(cells_.area()); }
  std::size_t cell(int column, int row) const {
    return static_cast<std::size_t>(row - cells_.y) * static_cast<std::size_t>(cells_.width) +
           static_cast<std::size_t>(column - cells_.x);
  }
  /// [cell, column], to be filled. Ends what `row` remembers.
  double* values();

  /// The fields at the pixels of row `y` of `px`: [x, column]. Ask for rows in ascending order.
  void row(int y, double* to);

 private:
  /// Where pixels look on one axis: four cells, clamped to the scene, with weights.
  struct Place {
    std::array<int, 4> cell;
    std::array<double, 4> cubic;
    double fraction;
  };
  static std::vector<Place> places(int first, int count, int ratio, int held, int scene_first,
                                   int scene_count);
  double const* along_x(int cell_row);
  void bilinear(Place const& x, Place const& y, double* to) const;

  Rect px_, cells_;
  std::vector<Place> across_, down_;
  std::vector<double> values_;
  std::array<std::vector<double>, 4> rows_;
  std::array<int, 4> row_cells_;
};

}  // namespace stfcube
