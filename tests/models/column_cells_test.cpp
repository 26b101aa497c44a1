#include "stfcube/models/classical/column_cells.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "stfcube/models/classical/coarse_planes.hpp"

namespace stfcube {
namespace {

TEST(ColumnCells, each_column_is_a_bicubic_plane) {
  Rect const scene{0, 0, 9, 8}, px{13, 6, 20, 21};
  constexpr int ratio = 5;
  for (bool const gap : {false, true}) {
    ColumnCells cells(px, ratio, scene);
    EXPECT_EQ(cells.cells(), (Rect{0, 0, 9, 8}));
    auto const value = [&](int column, int row, std::size_t c) {
      bool const missing = gap && ((column == 4 && row == 3) || row > 5);
      return missing ? std::numeric_limits<double>::quiet_NaN()
                     : 100.0 * static_cast<double>(c) + (column * 7 + row * 13) % 19;
    };
    double* const values = cells.values();
    for (int row = 0; row < 8; ++row) {
      for (int column = 0; column < 9; ++column) {
        for (std::size_t c = 0; c < 8; ++c) values[cells.cell(column, row) * 8 + c] = value(column, row, c);
      }
    }
    std::vector<std::vector<double>> planes;
    for (std::size_t c = 0; c < 8; ++c) {
      CellField field;
      for (int i = 0; i < 72; ++i) field.push_back(value(i % 9, i / 9, c));
      planes.push_back(bicubic_plane({.held = scene, .scene = scene, .ratio = ratio}, field, px));
    }
    std::vector<double> row(20 * 8);
    for (int y = 0; y < 21; ++y) {
      cells.row(y, row.data());
      for (std::size_t x = 0; x < 20; ++x) {
        for (std::size_t c = 0; c < 8; ++c) {
          double const expected = planes[c][static_cast<std::size_t>(y) * 20 + x], found = row[x * 8 + c];
          ASSERT_TRUE(std::isnan(expected) ? std::isnan(found) : std::abs(found - expected) < 1e-9)
              << x << ' ' << y;
        }
      }
    }
  }
}

}  // namespace
}  // namespace stfcube
