#include "stfcube/models/classical/spatial_prediction.hpp"

#include <algorithm>
#include <cmath>

namespace stfcube {
namespace {

constexpr int idw_reach = 2;  // cells

}  // namespace

SpatialPrediction::SpatialPrediction(SpatialKernel kernel, ThinPlateSpline const* spline,
                                     FusionInput const& input, int index, Rect const& cells)
    : kernel_(kernel), frame_(cell_frame(input)), scene_px_(input.scene_px) {
  for (int band = 0; band < input.coarse.dn.bands(); ++band)
    fields_.push_back(cell_field(frame_, input.coarse.dn.row(index, band, 0)));
  if (kernel == SpatialKernel::tps_local) spline_.emplace(*spline, frame_, fields_, cells);
}

std::size_t SpatialPrediction::bytes(FsdafSettings const& settings, std::size_t cells, int bands) {
  std::size_t const fields = cells * static_cast<std::size_t>(bands) * sizeof(double);
  if (settings.kernel != SpatialKernel::tps_local) return fields;
  return fields + SplineImage::bytes(settings.reach, static_cast<int>(cells), bands);
}

void SpatialPrediction::cell(int column, int row, int band, double* values) const {
  int const ratio = frame_.ratio;
  if (spline_) {
    spline_->cell(column, row, band, values);
    return;
  }
  Rect const px = intersect({column * ratio, row * ratio, ratio, ratio}, scene_px_);
  CellField const& field = fields_[static_cast<std::size_t>(band)];
  std::vector<double> plane;
  if (kernel_ == SpatialKernel::bicubic) plane = bicubic_plane(frame_, field, px);
  if (kernel_ == SpatialKernel::bilinear) plane = bilinear_plane(frame_, field, px);
  for (int j = 0; j < px.height; ++j) {
    for (int i = 0; i < px.width; ++i) {
      values[j * ratio + i] = kernel_ == SpatialKernel::idw
                                  ? inverse_distance(column, row, band, i, j)
                                  : plane[static_cast<std::size_t>(j * px.width + i)];
    }
  }
}

/// The mean of the valid cells within two cells of a pixel, weighted with the inverse squared distance; the
/// value of a cell at its centre.
double SpatialPrediction::inverse_distance(int column, int row, int band, int i, int j) const {
  CellField const& field = fields_[static_cast<std::size_t>(band)];
  Rect const around = intersect(grow({column, row, 1, 1}, idw_reach), frame_.scene);
  double sum = 0, total = 0;
  for (int y = around.y; y < around.bottom(); ++y) {
    for (int x = around.x; x < around.right(); ++x) {
      double const value =
          field[static_cast<std::size_t>(y - frame_.held.y) * static_cast<std::size_t>(frame_.held.width) +
                static_cast<std::size_t>(x - frame_.held.x)];
      if (std::isnan(value)) continue;
      // In steps of half a pixel: whole numbers.
      int const dx = 2 * i + 1 - frame_.ratio - 2 * frame_.ratio * (x - column);
      int const dy = 2 * j + 1 - frame_.ratio - 2 * frame_.ratio * (y - row);
      double const square = static_cast<double>(dx) * dx + static_cast<double>(dy) * dy;
      if (square == 0) return value;
      double const reach = 2.0 * frame_.ratio * idw_reach;
      if (square > reach * reach) continue;
      sum += value / square;
      total += 1 / square;
    }
  }
  return sum / total;
}

}  // namespace stfcube
