#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/models/classical/resample.hpp"

namespace stfcube {

/// Rows of coarse planes on the fine grid, in whole DN, for methods that read many images: the same values as
/// rounded_bilinear_plane and nearest_plane. What depends on the columns alone is worked out once.
class RoundedRows {
 public:
  enum class Kernel { nearest, bilinear };

  /// @param px  fine pixels, within the scene
  RoundedRows(CellFrame const& frame, Rect const& px, Kernel kernel);

  /// Row `y` of the target grid, px.width values. Not thread-safe.
  void row(Dn const* plane, int y, Dn* to);

  /// True when no value can be missing in any row, as no cell of the frame is.
  static bool complete(CellFrame const& frame, Dn const* plane);

 private:
  void nearest(Dn const* plane, int y, Dn* to) const;
  bool bilinear(Dn const* plane, int y, Dn* to);
  void along(Dn const* cells, std::int32_t* to) const;

  /// Columns that lie between the centres of the same two cells.
  struct Stretch {
    int first = 0, last = 0;
    int left = 0, right = 0;  ///< columns of the frame's planes
    int weight = 0;           ///< of `right` at the first column, in steps of 1 / (2 ratio); grows by 2
  };

  CellFrame frame_;
  Rect px_;
  Kernel kernel_;
  std::vector<Stretch> stretches_;
  std::vector<std::int32_t> upper_, lower_;
};

}  // namespace stfcube
