#include "stfcube/models/classical/spatial_prediction.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

class SpatialKernels : public ::testing::TestWithParam<SpatialKernel> {};
INSTANTIATE_TEST_SUITE_P(Kernels, SpatialKernels,
                         ::testing::Values(SpatialKernel::tps_local, SpatialKernel::bicubic,
                                           SpatialKernel::bilinear, SpatialKernel::idw));

/// 7 x 7 cells of 5 x 5 px, values that differ.
FusionInput scene() {
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, 33, 35};  // the last column of cells is cut
  input.cells = {0, 0, 7, 7};
  input.ratio = 5;
  input.coarse = {{Date{0}}, Stack<Dn>(1, 1, 7, 7)};
  for (int i = 0; i < 49; ++i)
    input.coarse.dn.plane(0, 0)[static_cast<std::size_t>(i)] =
        static_cast<Dn>(testing::golden_hash(i, 0, 0, 0) % 3000);
  return input;
}

TEST_P(SpatialKernels, centres_of_cells_are_exact_and_constants_are_kept) {
  FusionInput input = scene();
  ThinPlateSpline const spline(5, 2);
  std::vector<double> values(25);
  {
    SpatialPrediction const prediction(GetParam(), &spline, input, 0, input.cells);
    for (int row = 0; row < 7; ++row) {
      for (int column = 0; column < 7; ++column) {
        prediction.cell(column, row, 0, values.data());
        EXPECT_NEAR(values[12], input.coarse.dn.at(0, 0, row, column), 1e-8);
      }
    }
  }
  input.coarse.dn.fill(700);
  SpatialPrediction const constant(GetParam(), &spline, input, 0, input.cells);
  constant.cell(2, 6, 0, values.data());
  for (double const value : values) EXPECT_NEAR(value, 700, 1e-8);
}

TEST_P(SpatialKernels, invalid_cells_are_left_out) {
  FusionInput input = scene();
  input.coarse.dn.fill(700);
  input.coarse.dn.at(0, 0, 3, 2) = no_data_dn;
  ThinPlateSpline const spline(5, 2);
  SpatialPrediction const prediction(GetParam(), &spline, input, 0, input.cells);
  std::vector<double> values(25);
  prediction.cell(3, 3, 0, values.data());
  for (double const value : values) EXPECT_NEAR(value, 700, 1e-8);
}

TEST(SpatialPrediction, idw_weights_by_inverse_squared_distance_within_two_cells) {
  FusionInput input = scene();
  input.coarse.dn.fill(0);
  input.coarse.dn.at(0, 0, 3, 3) = 1000;
  SpatialPrediction const prediction(SpatialKernel::idw, nullptr, input, 0, input.cells);
  std::vector<double> values(25);
  prediction.cell(4, 3, 0, values.data());
  // Pixel 0 of the middle row: 0.6 cells from that cell, 0.4 from its own.
  double total = 0;
  for (int dy = -2; dy <= 2; ++dy) {
    for (int dx = -2; dx <= 2; ++dx) {
      double const square = (dx + 0.4) * (dx + 0.4) + dy * dy;
      if (square <= 4) total += 1 / square;
    }
  }
  EXPECT_NEAR(values[10], 1000 / 0.36 / total, 1e-9);
}

}  // namespace
}  // namespace stfcube
