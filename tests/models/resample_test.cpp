#include "stfcube/models/classical/resample.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

constexpr Dn none = no_data_dn;

CellFrame frame_of(int columns, int rows, int ratio) {
  return {{0, 0, columns, rows}, {0, 0, columns, rows}, ratio};
}

TEST(Resample, rounded_bilinear_has_the_published_sums) {
  std::array<std::array<std::int64_t, 3>, 3> const expected = {
      {{2606160, 2640513, 6102747}, {2707436, 2728933, 7154079}, {2527607, 2524447, 7460130}}};
  FusionInput const input = testing::golden_input({0, 2});
  CellFrame const frame = cell_frame(input);
  for (int k = 0; k < 3; ++k) {
    for (int band = 0; band < 3; ++band) {
      std::int64_t sum = 0;
      for (int y = 0; y < testing::golden_size; ++y) {
        for (int x = 0; x < testing::golden_size; ++x) {
          sum += bilinear_cells(frame, x, y).over(input.coarse.dn.row(k, band, 0)).rounded();
        }
      }
      EXPECT_EQ(sum, expected[static_cast<std::size_t>(k)][static_cast<std::size_t>(band)])
          << k << ' ' << band;
    }
  }
}

TEST(Resample, rounded_bilinear_has_the_published_values) {
  FusionInput const input = testing::golden_input({0});
  std::array<int, 3> const expected = {654, 609, 1479};
  CellStencil const cells = bilinear_cells(cell_frame(input), 38, 22);
  for (int band = 0; band < 3; ++band) {
    EXPECT_EQ(cells.over(input.coarse.dn.row(1, band, 0)).rounded(),
              expected[static_cast<std::size_t>(band)]);
  }
}

TEST(Resample, nearest_takes_the_cell_of_the_pixel) {
  std::vector<Dn> const plane = {10, 20, 30, 40, 50, 60};
  CellFrame const frame = frame_of(3, 2, 4);
  EXPECT_EQ(nearest_cell(frame, 0, 0).over(plane.data()).rounded(), 10);
  EXPECT_EQ(nearest_cell(frame, 3, 3).over(plane.data()).rounded(), 10);
  EXPECT_EQ(nearest_cell(frame, 4, 3).over(plane.data()).rounded(), 20);
  EXPECT_EQ(nearest_cell(frame, 11, 4).over(plane.data()).rounded(), 60);
}

TEST(Resample, bilinear_weighs_the_four_cells_around) {
  std::vector<Dn> const plane = {0, 100, 1000, 1100};
  CellFrame const frame = frame_of(2, 2, 2);
  // The centre of pixel (1, 1) lies a quarter of a cell from the centre of cell (0, 0) in both axes.
  WeightedSum const value = bilinear_cells(frame, 1, 1).over(plane.data());
  EXPECT_EQ(value.weight, 16);
  EXPECT_EQ(value.sum, 3 * 3 * 0 + 3 * 1 * 100 + 1 * 3 * 1000 + 1 * 1 * 1100);
  EXPECT_EQ(bilinear_cells(frame, 0, 0).over(plane.data()).rounded(), 0);  // clamped at the scene's corner
  EXPECT_EQ(bilinear_cells(frame, 3, 3).over(plane.data()).rounded(), 1100);
}

TEST(Resample, ratio_one_is_the_cell_itself) {
  std::vector<Dn> const plane = {7, none, -3, 5};
  CellFrame const frame = frame_of(2, 2, 1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(bilinear_cells(frame, i % 2, i / 2).over(plane.data()).rounded(),
              plane[static_cast<std::size_t>(i)]);
  }
}

TEST(Resample, odd_ratio_has_pixels_on_cell_centres) {
  std::vector<Dn> const plane = {7, none, none, none};
  EXPECT_EQ(bilinear_cells(frame_of(2, 2, 3), 1, 1).over(plane.data()).weight, 36);
  EXPECT_FALSE(bilinear_cells(frame_of(2, 2, 3), 4, 4).over(plane.data()).valid());
}

TEST(Resample, invalid_cells_leave_their_weight_out) {
  std::vector<Dn> const plane = {none, 100, 1000, none};
  WeightedSum const value = bilinear_cells(frame_of(2, 2, 2), 1, 1).over(plane.data());
  EXPECT_EQ(value.weight, 6);
  EXPECT_EQ(value.rounded(), 550);
  std::vector<Dn> const empty(4, none);
  EXPECT_FALSE(bilinear_cells(frame_of(2, 2, 2), 1, 1).over(empty.data()).valid());
  EXPECT_EQ(bilinear_cells(frame_of(2, 2, 2), 1, 1).over(empty.data()).rounded(), none);
}

TEST(Resample, halves_round_away_from_zero) {
  EXPECT_EQ((WeightedSum{5, 2}.rounded()), 3);
  EXPECT_EQ((WeightedSum{-5, 2}.rounded()), -3);
  EXPECT_EQ((WeightedSum{499, 1000}.rounded()), 0);
  EXPECT_EQ((WeightedSum{-501, 1000}.rounded()), -1);
}

TEST(Resample, block_of_cells_is_clipped_at_the_scene) {
  std::vector<Dn> const plane = {1, 2, 3, 4, 5, 6, 7, 8, 900};
  CellFrame const frame = frame_of(3, 3, 10);
  EXPECT_EQ(cells_around(frame, 15, 15).over(plane.data()).weight, 9);
  EXPECT_EQ(cells_around(frame, 0, 0).over(plane.data()).weight, 4);
  EXPECT_EQ(cells_around(frame, 0, 0).over(plane.data()).sum, 1 + 2 + 4 + 5);
}

TEST(Resample, part_of_the_cells_gives_the_same_value_or_an_error) {
  std::vector<Dn> const whole = {1, 20, 300, 4000, 50, 60, 700, 8000};
  std::vector<Dn> const part = {20, 300, 60, 700};
  CellFrame const narrow{{1, 0, 2, 2}, {0, 0, 4, 2}, 8};
  for (int x = 12; x < 20; ++x) {
    EXPECT_EQ(bilinear_cells(narrow, x, 3).over(part.data()).sum,
              bilinear_cells(frame_of(4, 2, 8), x, 3).over(whole.data()).sum)
        << x;
  }
  EXPECT_THROW(bilinear_cells(narrow, 11, 3), Error);
  EXPECT_THROW(bilinear_cells(narrow, 20, 3), Error);
}

TEST(Resample, frame_reaches_over_partial_cells) {
  FusionInput input;
  input.scene_px = {0, 0, 21, 10};
  input.ratio = 10;
  input.cells = {1, 0, 2, 1};
  EXPECT_EQ(cell_frame(input).scene, (Rect{0, 0, 3, 1}));
  EXPECT_EQ(cell_frame(input).held, input.cells);
}

}  // namespace
}  // namespace stfcube
