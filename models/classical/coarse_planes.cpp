#include "stfcube/models/classical/coarse_planes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double keys(double t) {
  constexpr double a = -0.5;
  t = std::abs(t);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/// Where the pixels of a row or column look: for each the offsets of cells X0 - 1 ... X0 + 2 in the held
/// cells, clamped to the scene, the cubic weights, and the share of X0 + 1 in the bilinear rule.
struct Axis {
  struct Place {
    std::array<int, 4> cell;
    std::array<double, 4> cubic;
    double fraction;
  };
  std::vector<Place> places;

  /// @param reach  the first and the last of the four cells that are used: {0, 3} or {1, 2}
  Axis(int first_px, int count, int ratio, int held_first, int held_count, int scene_first, int scene_count,
       std::array<int, 2> reach) {
    for (int i = 0; i < count; ++i) {
      int const numerator = 2 * (first_px + i) + 1 - ratio;  // u in steps of 1 / (2 ratio)
      int const whole =
          numerator >= 0 ? numerator / (2 * ratio) : -((-numerator + 2 * ratio - 1) / (2 * ratio));
      double const f = static_cast<double>(numerator - whole * 2 * ratio) / (2.0 * ratio);
      Place place{};
      place.fraction = f;
      for (int k = reach[0]; k <= reach[1]; ++k) {
        int const cell = std::clamp(whole - 1 + k, scene_first, scene_first + scene_count - 1);
        ensure(cell >= held_first && cell < held_first + held_count,
               "a method looks at cells within its support");
        place.cell[static_cast<std::size_t>(k)] = cell - held_first;
        place.cubic[static_cast<std::size_t>(k)] = keys(f - (k - 1));
      }
      places.push_back(place);
    }
  }
};

struct Axes {
  Axis across, down;

  Axes(CellFrame const& f, Rect const& px, std::array<int, 2> reach)
      : across(px.x, px.width, f.ratio, f.held.x, f.held.width, f.scene.x, f.scene.width, reach),
        down(px.y, px.height, f.ratio, f.held.y, f.held.height, f.scene.y, f.scene.height, reach) {}
};

double bilinear_at(CellField const& field, std::size_t width, Axis::Place const& x, Axis::Place const& y) {
  double sum = 0, weight = 0;
  for (std::size_t j = 1; j <= 2; ++j) {
    for (std::size_t i = 1; i <= 2; ++i) {
      double const value =
          field[static_cast<std::size_t>(y.cell[j]) * width + static_cast<std::size_t>(x.cell[i])];
      if (std::isnan(value)) continue;
      double const w = (i == 1 ? 1 - x.fraction : x.fraction) * (j == 1 ? 1 - y.fraction : y.fraction);
      sum += w * value;
      weight += w;
    }
  }
  return weight > 0 ? sum / weight : nan;
}

std::vector<Dn> stencil_plane(CellFrame const& frame, Dn const* plane, Rect const& px,
                              CellStencil (*stencil)(CellFrame const&, int, int)) {
  std::vector<Dn> values;
  values.reserve(static_cast<std::size_t>(px.area()));
  for (int y = px.y; y < px.bottom(); ++y) {
    for (int x = px.x; x < px.right(); ++x) values.push_back(stencil(frame, x, y).over(plane).rounded());
  }
  return values;
}

}  // namespace

CellField cell_field(CellFrame const& frame, Dn const* plane) {
  CellField field(static_cast<std::size_t>(frame.held.area()));
  std::ranges::transform(plane, plane + field.size(), field.begin(),
                         [](Dn v) { return v == no_data_dn ? nan : static_cast<double>(v); });
  return field;
}

std::vector<double> bicubic_plane(CellFrame const& frame, CellField const& field, Rect const& px) {
  Axes const axes(frame, px, {0, 3});
  auto const width = static_cast<std::size_t>(frame.held.width);
  std::vector<double> values(static_cast<std::size_t>(px.area()));
  std::array<std::vector<double>, 4> rows;  // the four cell rows of the pixel row, along x
  std::array<int, 4> cells = {-1, -1, -1, -1};
  auto const along_x = [&](std::vector<double>& row, int cell_row) {
    row.resize(static_cast<std::size_t>(px.width));
    double const* const from = field.data() + static_cast<std::size_t>(cell_row) * width;
    for (std::size_t i = 0; i < row.size(); ++i) {
      auto const& place = axes.across.places[i];
      double sum = 0;
      for (std::size_t k = 0; k < 4; ++k) sum += place.cubic[k] * from[place.cell[k]];
      row[i] = sum;
    }
  };
  for (std::size_t j = 0; j < axes.down.places.size(); ++j) {
    auto const& y = axes.down.places[j];
    for (std::size_t k = 0; k < 4; ++k) {
      if (cells[k] == y.cell[k]) continue;
      cells[k] = y.cell[k];
      along_x(rows[k], y.cell[k]);
    }
    double* const to = values.data() + j * static_cast<std::size_t>(px.width);
    for (std::size_t i = 0; i < static_cast<std::size_t>(px.width); ++i) {
      double const value = ((y.cubic[0] * rows[0][i] + y.cubic[1] * rows[1][i]) + y.cubic[2] * rows[2][i]) +
                           y.cubic[3] * rows[3][i];
      to[i] = std::isnan(value) ? bilinear_at(field, width, axes.across.places[i], y) : value;
    }
  }
  return values;
}

std::vector<double> bilinear_plane(CellFrame const& frame, CellField const& field, Rect const& px) {
  Axes const axes(frame, px, {1, 2});
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(px.area()));
  for (auto const& y : axes.down.places) {
    for (auto const& x : axes.across.places)
      values.push_back(bilinear_at(field, static_cast<std::size_t>(frame.held.width), x, y));
  }
  return values;
}

std::vector<Dn> rounded_bilinear_plane(CellFrame const& frame, Dn const* plane, Rect const& px) {
  return stencil_plane(frame, plane, px, bilinear_cells);
}

std::vector<Dn> nearest_plane(CellFrame const& frame, Dn const* plane, Rect const& px) {
  return stencil_plane(frame, plane, px, nearest_cell);
}

}  // namespace stfcube
