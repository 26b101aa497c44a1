#include "stfcube/models/classical/thin_plate_spline.hpp"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A square field of cells, whole scene, one band.
struct Field {
  Field(int cells_across, int pixel_ratio)
      : cells(cells_across),
        ratio(pixel_ratio),
        bands(1, CellField(static_cast<std::size_t>(cells * cells))) {}

  double& at(int column, int row) { return bands[0][static_cast<std::size_t>(row * cells + column)]; }
  CellFrame frame() const { return {{0, 0, cells, cells}, {0, 0, cells, cells}, ratio}; }
  /// The surface at the fine pixels.
  std::vector<double> surface(int reach) const {
    ThinPlateSpline const spline(ratio, reach);
    SplineImage const image(spline, frame(), bands, frame().held);
    int const size = cells * ratio;
    std::vector<double> values(static_cast<std::size_t>(size * size));
    std::vector<double> cell(static_cast<std::size_t>(ratio * ratio));
    for (int row = 0; row < cells; ++row) {
      for (int column = 0; column < cells; ++column) {
        image.cell(column, row, 0, cell.data());
        for (int i = 0; i < ratio * ratio; ++i) {
          values[static_cast<std::size_t>((row * ratio + i / ratio) * size + column * ratio + i % ratio)] =
              cell[static_cast<std::size_t>(i)];
        }
      }
    }
    return values;
  }

  int cells, ratio;
  std::vector<CellField> bands;
};

Field random_field(int cells, int ratio, unsigned seed) {
  Field field(cells, ratio);
  std::mt19937 random(seed);
  for (double& value : field.bands[0]) value = static_cast<double>(random() % 3000);
  return field;
}

TEST(ThinPlateSpline, planes_are_kept_also_at_edges_and_around_holes) {
  for (int const reach : {2, 3, 5}) {
    Field field(9, 4);
    for (int row = 0; row < 9; ++row) {
      for (int column = 0; column < 9; ++column) field.at(column, row) = 300 + 17.0 * column - 5.5 * row;
    }
    field.at(4, 3) = nan;
    field.at(8, 8) = nan;
    auto const surface = field.surface(reach);
    for (int y = 0; y < 36; ++y) {
      for (int x = 0; x < 36; ++x) {
        double const u = (x + 0.5) / 4 - 0.5, v = (y + 0.5) / 4 - 0.5;
        ASSERT_NEAR(surface[static_cast<std::size_t>(y * 36 + x)], 300 + 17 * u - 5.5 * v, 1e-8)
            << reach << ' ' << x << ' ' << y;
      }
    }
  }
}

TEST(ThinPlateSpline, centres_of_cells_are_exact) {
  Field const field = random_field(11, 5, 1);
  auto const surface = field.surface(3);
  for (int row = 0; row < 11; ++row) {
    for (int column = 0; column < 11; ++column) {
      EXPECT_NEAR(surface[static_cast<std::size_t>((row * 5 + 2) * 55 + column * 5 + 2)],
                  field.bands[0][static_cast<std::size_t>(row * 11 + column)], 1e-8);
    }
  }
}

TEST(ThinPlateSpline, surface_is_continuous_across_cells) {
  Field const field = random_field(12, 100, 2);
  auto const surface = field.surface(2);
  double largest_inside = 0, largest_across = 0;
  for (int x = 0; x + 1 < 1200; ++x) {
    double const step = std::abs(surface[static_cast<std::size_t>(630 * 1200 + x + 1)] -
                                 surface[static_cast<std::size_t>(630 * 1200 + x)]);
    // Cells meet after x = 99; the blend changes its splines after x = 49.
    double& largest = x % 50 == 49 ? largest_across : largest_inside;
    largest = std::max(largest, step);
  }
  EXPECT_LT(largest_across, 1.2 * largest_inside);
}

/// The bilinear weight of the cell `step` further on, inside a scene.
double blend(double offset, int step) {
  if (step == 0) return 1 - std::abs(offset);
  return (step < 0) == (offset < 0) ? std::abs(offset) : 0.0;
}

TEST(ThinPlateSpline, stored_shares_equal_the_splines_solved_for_a_cell) {
  Field const field = random_field(9, 6, 3);
  ThinPlateSpline const spline(6, 3), wide(6, 5);
  std::vector<double> expected(36), found(36), sums(36);
  SplineImage(spline, field.frame(), field.bands, {4, 4, 1, 1}).cell(4, 4, 0, expected.data());
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      // The spline of one neighbour alone: in a scene of its own seven cells across, the wider reach makes
      // all splines around the middle the same one.
      Field window(7, 6);
      for (int row = 0; row < 7; ++row) {
        for (int column = 0; column < 7; ++column)
          window.at(column, row) =
              field.bands[0][static_cast<std::size_t>((row + 1 + dy) * 9 + column + 1 + dx)];
      }
      SplineImage(wide, window.frame(), window.bands, {2, 2, 3, 3}).cell(3 - dx, 3 - dy, 0, found.data());
      for (int p = 0; p < 36; ++p) {
        sums[static_cast<std::size_t>(p)] += blend((2 * (p % 6) - 5) / 12.0, dx) *
                                             blend((2 * (p / 6) - 5) / 12.0, dy) *
                                             found[static_cast<std::size_t>(p)];
      }
    }
  }
  for (std::size_t p = 0; p < 36; ++p) EXPECT_NEAR(sums[p], expected[p], 1e-7) << p;
}

TEST(ThinPlateSpline, few_cells_or_cells_on_a_line_are_interpolated_bilinearly) {
  Field field(5, 2);
  for (double& value : field.bands[0]) value = nan;
  field.at(0, 0) = 100;
  field.at(1, 0) = 200;
  field.at(2, 0) = 300;
  auto const surface = field.surface(3);
  EXPECT_DOUBLE_EQ(surface[1], 125);
  EXPECT_DOUBLE_EQ(surface[2], 175);
  EXPECT_DOUBLE_EQ(surface[10 + 2], 175);  // the row below is invalid and drops out
  EXPECT_TRUE(std::isnan(surface[99]));

  Field line(7, 2);
  for (double& value : line.bands[0]) value = nan;
  for (int i = 0; i < 7; ++i) line.at(i, 3) = 10 * i * i;
  auto const of_line = line.surface(3);
  EXPECT_DOUBLE_EQ(of_line[6 * 14 + 5], 0.75 * 40 + 0.25 * 90);
}

TEST(ThinPlateSpline, one_cell_alone_is_constant) {
  Field field(1, 4);
  field.at(0, 0) = 7;
  for (double const value : field.surface(3)) EXPECT_EQ(value, 7);
}

TEST(ThinPlateSpline, has_the_golden_sums) {
  FusionInput const input = testing::golden_input({0});
  CellFrame const frame = cell_frame(input);
  std::vector<CellField> fields;
  for (int band = 0; band < 3; ++band) fields.push_back(cell_field(frame, input.coarse.dn.row(1, band, 0)));
  ThinPlateSpline const spline(10, 3);
  SplineImage const image(spline, frame, fields, frame.held);
  double const sums[3] = {2707096, 2728720, 7144000};
  double const p3[3] = {646.2132, 602.9253, 1329.9567}, p4[3] = {857.4361, 944.3184, 2177.4616};
  std::vector<double> cell(100);
  for (int band = 0; band < 3; ++band) {
    double sum = 0;
    for (int row = 0; row < 6; ++row) {
      for (int column = 0; column < 6; ++column) {
        image.cell(column, row, band, cell.data());
        for (double const value : cell) sum += std::round(value);
      }
    }
    EXPECT_EQ(sum, sums[band]);
    image.cell(3, 2, band, cell.data());
    EXPECT_NEAR(cell[2 * 10 + 8], p3[band], 5e-5);
    image.cell(5, 4, band, cell.data());
    EXPECT_NEAR(cell[1 * 10 + 9], p4[band], 5e-5);
  }
}

TEST(ThinPlateSpline, cells_beyond_the_reach_make_no_difference) {
  Field const field = random_field(13, 4, 5);
  Field other = random_field(13, 4, 6);
  for (int row = 2; row <= 10; ++row) {
    for (int column = 2; column <= 10; ++column)
      other.at(column, row) = field.bands[0][static_cast<std::size_t>(row * 13 + column)];
  }
  ThinPlateSpline const spline(4, 3);
  std::vector<double> one(16), two(16);
  SplineImage(spline, field.frame(), field.bands, {6, 6, 1, 1}).cell(6, 6, 0, one.data());
  SplineImage(spline, other.frame(), other.bands, {6, 6, 1, 1}).cell(6, 6, 0, two.data());
  EXPECT_EQ(one, two);
  other.at(2, 6) += 1;
  SplineImage(spline, other.frame(), other.bands, {6, 6, 1, 1}).cell(6, 6, 0, two.data());
  EXPECT_NE(one, two);
  CellFrame narrow = field.frame();
  narrow.held = {3, 2, 10, 11};
  EXPECT_THROW(SplineImage(spline, narrow, field.bands, {6, 6, 1, 1}), Error);
}

}  // namespace
}  // namespace stfcube
