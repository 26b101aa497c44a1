#pragma once

#include <optional>
#include <vector>

#include "stfcube/models/classical/fsdaf_settings.hpp"
#include "stfcube/models/classical/thin_plate_spline.hpp"

namespace stfcube {

/// A coarse image as a surface over fine pixels, cell by cell.
/// @source specs: fsdaf.md, spatial prediction
class SpatialPrediction {
 public:
  /// @param spline  for tps_local; must outlive this
  /// @param index   coarse image of the input
  /// @param cells   cells that values will be asked for, on the coarse grid
  SpatialPrediction(SpatialKernel kernel, ThinPlateSpline const* spline, FusionInput const& input, int index,
                    Rect const& cells);
  SpatialPrediction(SpatialPrediction const&) = delete;
  SpatialPrediction& operator=(SpatialPrediction const&) = delete;

  /// Bytes of one image at most, for so many held cells.
  static std::size_t bytes(FsdafSettings const& settings, std::size_t cells, int bands);

  /// Values of one band at the pixels of one cell, [ratio, ratio]; those outside the scene mean nothing.
  /// Thread-safe.
  void cell(int column, int row, int band, double* values) const;

 private:
  double inverse_distance(int column, int row, int band, int i, int j) const;

  SpatialKernel kernel_;
  CellFrame frame_;
  Rect scene_px_;
  std::vector<CellField> fields_;
  std::optional<SplineImage> spline_;
};

}  // namespace stfcube
