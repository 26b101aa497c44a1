#include "stfcube/models/classical/column_cells.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stfcube {
namespace {

constexpr auto columns = static_cast<std::size_t>(ColumnCells::columns);

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// Keys' kernel, a = -0.5.
double keys(double t) {
  constexpr double a = -0.5;
  t = std::abs(t);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

Rect cells_of(Rect const& px, int ratio, Rect const& scene) {
  Rect const outer = align_outward(px, ratio);
  Rect const touched{outer.x / ratio, outer.y / ratio, outer.width / ratio, outer.height / ratio};
  return intersect(grow(touched, 2), scene);
}

}  // namespace

ColumnCells::ColumnCells(Rect const& px, int ratio, Rect const& scene)
    : px_(px),
      cells_(cells_of(px, ratio, scene)),
      across_(places(px.x, px.width, ratio, cells_.x, scene.x, scene.width)),
      down_(places(px.y, px.height, ratio, cells_.y, scene.y, scene.height)),
      values_(count() * columns, 0.0) {
  for (auto& row : rows_) row.resize(to_size(px.width) * columns);
  row_cells_.fill(-1);
}

std::size_t ColumnCells::bytes(int pixels, int ratio) {
  std::size_t const side = to_size(most_cells(pixels, ratio));
  return sizeof(double) * columns * (side * side + 4 * to_size(pixels)) + 2 * to_size(pixels) * sizeof(Place);
}

std::vector<ColumnCells::Place> ColumnCells::places(int first, int count, int ratio, int held,
                                                    int scene_first, int scene_count) {
  std::vector<Place> list;
  list.reserve(to_size(count));
  for (int i = 0; i < count; ++i) {
    int const numerator = 2 * (first + i) + 1 - ratio;  // the pixel's centre in steps of 1 / (2 ratio) cells
    int const whole =
        numerator >= 0 ? numerator / (2 * ratio) : -((-numerator + 2 * ratio - 1) / (2 * ratio));
    Place place{};
    place.fraction = static_cast<double>(numerator - whole * 2 * ratio) / (2.0 * ratio);
    for (int k = 0; k < 4; ++k) {
      place.cell[to_size(k)] = std::clamp(whole - 1 + k, scene_first, scene_first + scene_count - 1) - held;
      place.cubic[to_size(k)] = keys(place.fraction - (k - 1));
    }
    list.push_back(place);
  }
  return list;
}

double* ColumnCells::values() {
  row_cells_.fill(-1);
  return values_.data();
}

/// One row of cells at the pixels' columns. Four neighbouring rows are remembered.
double const* ColumnCells::along_x(int cell_row) {
  std::size_t const slot = to_size(cell_row) % 4;
  double* to = rows_[slot].data();
  if (row_cells_[slot] == cell_row) return to;
  row_cells_[slot] = cell_row;
  double const* const from = values_.data() + to_size(cell_row) * to_size(cells_.width) * columns;
  for (Place const& place : across_) {
    double sum[columns] = {};
    for (std::size_t k = 0; k < 4; ++k) {
      double const* const cell = from + to_size(place.cell[k]) * columns;
      for (std::size_t c = 0; c < columns; ++c) sum[c] += place.cubic[k] * cell[c];
    }
    to = std::copy_n(sum, columns, to);
  }
  return rows_[slot].data();
}

void ColumnCells::row(int y, double* to) {
  Place const& place = down_[to_size(y)];
  std::array<double const*, 4> rows;
  for (std::size_t k = 0; k < 4; ++k) rows[k] = along_x(place.cell[k]);
  auto const& w = place.cubic;
  std::size_t const size = across_.size() * columns;
  for (std::size_t i = 0; i < size; ++i)
    to[i] = ((w[0] * rows[0][i] + w[1] * rows[1][i]) + w[2] * rows[2][i]) + w[3] * rows[3][i];
  for (std::size_t x = 0; x < across_.size(); ++x) {
    if (std::isnan(to[x * columns])) bilinear(across_[x], place, to + x * columns);
  }
}

/// The rule where one of the 16 cells is invalid: the valid ones of the four around the pixel.
void ColumnCells::bilinear(Place const& x, Place const& y, double* to) const {
  double sum[columns] = {};
  double weight = 0;
  for (std::size_t j = 1; j <= 2; ++j) {
    for (std::size_t i = 1; i <= 2; ++i) {
      double const* const cell =
          values_.data() + (to_size(y.cell[j]) * to_size(cells_.width) + to_size(x.cell[i])) * columns;
      if (std::isnan(cell[0])) continue;
      double const w = (i == 1 ? 1 - x.fraction : x.fraction) * (j == 1 ? 1 - y.fraction : y.fraction);
      weight += w;
      for (std::size_t c = 0; c < columns; ++c) sum[c] += w * cell[c];
    }
  }
  for (std::size_t c = 0; c < columns; ++c)
    to[c] = weight > 0 ? sum[c] / weight : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace stfcube
