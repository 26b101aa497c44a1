#include "stfcube/models/classical/coarse_planes.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

CellFrame frame_of(int columns, int rows, int ratio) {
  return {{0, 0, columns, rows}, {0, 0, columns, rows}, ratio};
}

TEST(CoarsePlanes, bicubic_has_the_published_values) {
  FusionInput const input = testing::golden_input({0});
  CellFrame const frame = cell_frame(input);
  double const expected[] = {699.1216, 684.7987, 1881.6619};
  for (int band = 0; band < 3; ++band) {
    auto const plane =
        bicubic_plane(frame, cell_field(frame, input.coarse.dn.row(1, band, 0)), input.scene_px);
    EXPECT_NEAR(plane[30 * 60 + 30], expected[band], 5e-5) << band;
  }
}

TEST(CoarsePlanes, rounded_bilinear_has_the_published_sums) {
  FusionInput const input = testing::golden_input({0});
  CellFrame const frame = cell_frame(input);
  std::int64_t const expected[] = {2707436, 2728933, 7154079};
  for (int band = 0; band < 3; ++band) {
    auto const plane = rounded_bilinear_plane(frame, input.coarse.dn.row(1, band, 0), input.scene_px);
    EXPECT_EQ(std::accumulate(plane.begin(), plane.end(), std::int64_t{0}), expected[band]);
  }
}

TEST(CoarsePlanes, smooth_fields_are_reproduced) {
  CellFrame const frame = frame_of(9, 8, 4);
  CellField plane(72);
  for (std::size_t i = 0; i < plane.size(); ++i)
    plane[i] = 3 * static_cast<double>(i % 9) - 5 * static_cast<double>(i / 9);
  Rect const inner{10, 10, 15, 12};
  auto const cubic = bicubic_plane(frame, plane, inner);
  auto const linear = bilinear_plane(frame, plane, inner);
  for (int y = 0; y < inner.height; ++y) {
    for (int x = 0; x < inner.width; ++x) {
      double const expected = 3 * ((inner.x + x + 0.5) / 4 - 0.5) - 5 * ((inner.y + y + 0.5) / 4 - 0.5);
      auto const at = static_cast<std::size_t>(y * inner.width + x);
      EXPECT_NEAR(cubic[at], expected, 1e-12);
      EXPECT_NEAR(linear[at], expected, 1e-12);
    }
  }
}

TEST(CoarsePlanes, invalid_cells_are_left_out) {
  CellFrame const frame = frame_of(5, 5, 2);
  CellField field(25, 7.0);
  field[2 * 5 + 2] = nan;
  field[0] = 100;
  for (auto const& plane :
       {bicubic_plane(frame, field, {4, 4, 4, 4}), bilinear_plane(frame, field, {4, 4, 4, 4})}) {
    for (double const value : plane) EXPECT_DOUBLE_EQ(value, 7);
  }
  CellField const nothing(25, nan);
  EXPECT_TRUE(std::isnan(bicubic_plane(frame, nothing, {3, 3, 1, 1}).front()));
  EXPECT_TRUE(std::isnan(bilinear_plane(frame, nothing, {3, 3, 1, 1}).front()));
}

TEST(CoarsePlanes, ratio_one_returns_the_cells) {
  CellFrame const frame = frame_of(6, 6, 1);
  CellField field(36);
  std::iota(field.begin(), field.end(), 0.0);
  EXPECT_EQ(bicubic_plane(frame, field, {0, 0, 6, 6}), field);
  EXPECT_EQ(bilinear_plane(frame, field, {0, 0, 6, 6}), field);
}

TEST(CoarsePlanes, parts_equal_the_whole_within_their_reach) {
  FusionInput const input = testing::golden_input({0});
  CellFrame const whole = cell_frame(input);
  CellField const field = cell_field(whole, input.coarse.dn.row(1, 2, 0));
  auto const expected = bicubic_plane(whole, field, input.scene_px);
  Rect const core{23, 31, 7, 9};
  auto part = testing::tile_of(input, core, {.halo_px = 0, .halo_cells = 2});
  CellFrame const frame = cell_frame(part);
  auto const plane = bicubic_plane(frame, cell_field(frame, part.coarse.dn.row(1, 2, 0)), core);
  for (int y = 0; y < core.height; ++y) {
    for (int x = 0; x < core.width; ++x) {
      EXPECT_EQ(plane[static_cast<std::size_t>(y * core.width + x)],
                expected[static_cast<std::size_t>((y + core.y) * 60 + x + core.x)]);
    }
  }
  part = testing::tile_of(input, core, {.halo_px = 0, .halo_cells = 1});
  CellFrame const small = cell_frame(part);
  EXPECT_THROW(bicubic_plane(small, cell_field(small, part.coarse.dn.row(1, 2, 0)), core), Error);
}

}  // namespace
}  // namespace stfcube
