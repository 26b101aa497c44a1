#include "stfcube/models/classical/thin_plate_spline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr int fewest_nodes = 6;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// A cell's place relative to another one, in cells.
struct Node {
  int x = 0, y = 0;
};

/// r^2 ln r at a distance given by its square.
double kernel_of(double square) {
  return square > 0 ? 0.5 * square * std::log(square) : 0.0;
}

/// The places within `reach` of a cell, row-major.
std::vector<Node> nodes_within(int reach) {
  std::vector<Node> nodes;
  for (int y = -reach; y <= reach; ++y) {
    for (int x = -reach; x <= reach; ++x) nodes.push_back({x, y});
  }
  return nodes;
}

bool on_one_line(std::span<Node const> nodes) {
  for (std::size_t i = 2; i < nodes.size(); ++i) {
    Node const a = nodes[0], b = nodes[1], c = nodes[i];
    if ((b.x - a.x) * (c.y - a.y) != (b.y - a.y) * (c.x - a.x)) return false;
  }
  return true;
}

/// Solves matrix * x = right for several right sides by elimination with row pivoting. Destroys the matrix;
/// `right` [unknown][side] becomes the solution.
void solve_dense(std::vector<double>& matrix, std::vector<double>& right, std::size_t n, std::size_t sides) {
  for (std::size_t column = 0; column < n; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column + 1; row < n; ++row) {
      if (std::abs(matrix[row * n + column]) > std::abs(matrix[pivot * n + column])) pivot = row;
    }
    if (pivot != column) {
      std::swap_ranges(&matrix[pivot * n], &matrix[pivot * n] + n, &matrix[column * n]);
      std::swap_ranges(&right[pivot * sides], &right[pivot * sides] + sides, &right[column * sides]);
    }
    for (std::size_t row = column + 1; row < n; ++row) {
      double const factor = matrix[row * n + column] / matrix[column * n + column];
      for (std::size_t k = column + 1; k < n; ++k) matrix[row * n + k] -= factor * matrix[column * n + k];
      for (std::size_t k = 0; k < sides; ++k) right[row * sides + k] -= factor * right[column * sides + k];
    }
  }
  for (std::size_t row = n; row-- > 0;) {
    for (std::size_t k = 0; k < sides; ++k) {
      double sum = right[row * sides + k];
      for (std::size_t j = row + 1; j < n; ++j) sum -= matrix[row * n + j] * right[j * sides + k];
      right[row * sides + k] = sum / matrix[row * n + row];
    }
  }
}

/// The system of the spline through `nodes`: weights of the nodes, then a0, ax, ay.
std::vector<double> spline_matrix(std::span<Node const> nodes) {
  std::size_t const count = nodes.size(), n = count + 3;
  std::vector<double> matrix(n * n);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      double const dx = nodes[i].x - nodes[j].x, dy = nodes[i].y - nodes[j].y;
      matrix[i * n + j] = kernel_of(dx * dx + dy * dy);
    }
    std::array<double, 3> const plane = {1.0, static_cast<double>(nodes[i].x),
                                         static_cast<double>(nodes[i].y)};
    for (std::size_t j = 0; j < 3; ++j) {
      matrix[i * n + count + j] = plane[j];
      matrix[(count + j) * n + i] = plane[j];
    }
  }
  return matrix;
}

/// A pixel's centre relative to the centre of its cell, in cells.
double offset_in_cell(int pixel, int ratio) {
  return static_cast<double>(2 * pixel + 1 - ratio) / (2.0 * ratio);
}

/// The bilinear weight at `offset` of the cell `step` (-1, 0, 1) further on. A neighbour that does not exist
/// leaves its weight to the cell itself.
double axis_weight(double offset, int step, bool has_previous, bool has_next) {
  bool const towards_other = offset < 0 ? has_previous : offset > 0 && has_next;
  double const other = towards_other ? std::abs(offset) : 0.0;
  if (step == 0) return 1 - other;
  return (step < 0) == (offset < 0) ? other : 0.0;
}

}  // namespace

ThinPlateSpline::ThinPlateSpline(int ratio, int reach) : ratio_(ratio), reach_(reach) {
  ensure(ratio >= 1 && ratio <= most_ratio && reach >= 1 && reach <= most_reach,
         "the tables of the spline stay small");
  auto const around = nodes_within(reach + 1), nodes = nodes_within(reach);
  std::size_t const pixels = to_size(ratio) * to_size(ratio), count = nodes.size(), n = count + 3;
  kernel_.resize(around.size() * pixels);
  operator_.assign(around.size() * pixels, 0.0);
  for (std::size_t a = 0; a < around.size(); ++a) {
    for (std::size_t p = 0; p < pixels; ++p) {
      double const dx = offset_in_cell(static_cast<int>(p) % ratio, ratio) - around[a].x;
      double const dy = offset_in_cell(static_cast<int>(p) / ratio, ratio) - around[a].y;
      kernel_[a * pixels + p] = kernel_of(dx * dx + dy * dy);
    }
  }
  // Coefficients for a value of 1 in one cell and 0 in the others: [unknown][node].
  std::vector<double> matrix = spline_matrix(nodes), unit(n * count, 0.0);
  for (std::size_t i = 0; i < count; ++i) unit[i * count + i] = 1;
  solve_dense(matrix, unit, n, count);
  std::size_t const side = to_size(2 * reach + 3);
  for (Node const cell : nodes_within(1)) {
    for (std::size_t p = 0; p < pixels; ++p) {
      double const x = offset_in_cell(static_cast<int>(p) % ratio, ratio);
      double const y = offset_in_cell(static_cast<int>(p) / ratio, ratio);
      double const weight = axis_weight(x, cell.x, true, true) * axis_weight(y, cell.y, true, true);
      if (weight == 0) continue;
      auto const place = [&](Node const node) {
        return to_size(node.y + cell.y + reach + 1) * side + to_size(node.x + cell.x + reach + 1);
      };
      for (std::size_t i = 0; i < count; ++i) {
        double value = unit[count * count + i] + unit[(count + 1) * count + i] * (x - cell.x) +
                       unit[(count + 2) * count + i] * (y - cell.y);
        for (std::size_t j = 0; j < count; ++j)
          value += unit[j * count + i] * kernel_[place(nodes[j]) * pixels + p];
        operator_[place(nodes[i]) * pixels + p] += weight * value;
      }
    }
  }
}

SplineImage::SplineImage(ThinPlateSpline const& spline, CellFrame const& frame,
                         std::vector<CellField> const& fields, Rect const& cells)
    : spline_(spline),
      frame_(frame),
      fields_(fields),
      reached_(intersect(grow(cells, 1), frame.scene)),
      states_(static_cast<std::size_t>(reached_.area()), State::unused) {
  ensure(frame.held.contains(intersect(grow(cells, spline.halo_cells()), frame.scene)),
         "the coarse cells at hand reach as far as the spline");
  bool any = false;
  for (int row = cells.y; row < cells.bottom(); ++row) {
    for (int column = cells.x; column < cells.right(); ++column) {
      if (is_regular(column, row)) continue;
      any = true;
      Rect const around = intersect(grow({column, row, 1, 1}, 1), frame.scene);
      for (int y = around.y; y < around.bottom(); ++y) {
        for (int x = around.x; x < around.right(); ++x) states_[slot(x, y)] = State::wanted;
      }
    }
  }
  if (!any) return;
  coefficients_.assign(states_.size() * fields.size() * to_size(spline.coefficients()), 0.0);
  parallel_for(reached_.y, reached_.bottom(), [&](int row) {
    for (int column = reached_.x; column < reached_.right(); ++column) {
      if (states_[slot(column, row)] == State::wanted) solve(column, row);
    }
  });
}

std::size_t SplineImage::bytes(int reach, int cells, int bands) {
  std::size_t const coefficients = to_size((2 * reach + 1) * (2 * reach + 1) + 3);
  return to_size(cells) * (1 + to_size(bands) * coefficients * sizeof(double));
}

std::size_t SplineImage::slot(int column, int row) const {
  return to_size(row - reached_.y) * to_size(reached_.width) + to_size(column - reached_.x);
}

double SplineImage::value(int column, int row, int band) const {
  return fields_[to_size(band)]
                [to_size(row - frame_.held.y) * to_size(frame_.held.width) + to_size(column - frame_.held.x)];
}

bool SplineImage::is_regular(int column, int row) const {
  Rect const around = grow({column, row, 1, 1}, spline_.halo_cells());
  if (!frame_.scene.contains(around)) return false;
  for (int y = around.y; y < around.bottom(); ++y) {
    for (int x = around.x; x < around.right(); ++x) {
      if (std::isnan(value(x, y, 0))) return false;
    }
  }
  return true;
}

void SplineImage::solve(int column, int row) {
  int const reach = spline_.reach_;
  std::vector<Node> nodes;
  for (Node const node : nodes_within(reach)) {
    Rect const cell{column + node.x, row + node.y, 1, 1};
    if (frame_.scene.contains(cell) && !std::isnan(value(cell.x, cell.y, 0))) nodes.push_back(node);
  }
  State& state = states_[slot(column, row)];
  state = State::bilinear;
  if (static_cast<int>(nodes.size()) < fewest_nodes || on_one_line(nodes)) return;
  state = State::solved;
  std::size_t const count = nodes.size(), n = count + 3, bands = fields_.size();
  std::vector<double> matrix = spline_matrix(nodes), right(n * bands, 0.0);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t b = 0; b < bands; ++b)
      right[i * bands + b] = value(column + nodes[i].x, row + nodes[i].y, static_cast<int>(b));
  }
  solve_dense(matrix, right, n, bands);
  std::size_t const stride = to_size(spline_.coefficients());
  for (std::size_t b = 0; b < bands; ++b) {
    double* const to = &coefficients_[(slot(column, row) * bands + b) * stride];
    for (std::size_t i = 0; i < 3; ++i) to[i] = right[(count + i) * bands + b];
    for (std::size_t i = 0; i < count; ++i) {
      to[3 + to_size(nodes[i].y + reach) * to_size(2 * reach + 1) + to_size(nodes[i].x + reach)] =
          right[i * bands + b];
    }
  }
}

void SplineImage::cell(int column, int row, int band, double* values) const {
  std::size_t const pixels = to_size(spline_.ratio_) * to_size(spline_.ratio_);
  std::fill_n(values, pixels, 0.0);
  Rect const around = grow({column, row, 1, 1}, spline_.halo_cells());
  if (!is_regular(column, row)) {
    Rect const neighbours = intersect(grow({column, row, 1, 1}, 1), frame_.scene);
    for (int y = neighbours.y; y < neighbours.bottom(); ++y) {
      for (int x = neighbours.x; x < neighbours.right(); ++x)
        add_spline(column, row, band, {x, y, 1, 1}, values);
    }
    return;
  }
  double const* shares = spline_.operator_.data();
  for (int y = around.y; y < around.bottom(); ++y) {
    for (int x = around.x; x < around.right(); ++x, shares += pixels) {
      double const from = value(x, y, band);
      for (std::size_t p = 0; p < pixels; ++p) values[p] += shares[p] * from;
    }
  }
}

/// Adds what the spline of a neighbour (or of the cell itself) gives to the cell's pixels.
void SplineImage::add_spline(int column, int row, int band, Rect const& neighbour, double* values) const {
  int const ratio = spline_.ratio_, reach = spline_.reach_, dx = neighbour.x - column, dy = neighbour.y - row;
  std::size_t const pixels = to_size(ratio) * to_size(ratio), side = to_size(2 * reach + 3);
  Rect const& scene = frame_.scene;
  bool const has_left = column > scene.x, has_right = column + 1 < scene.right();
  bool const has_upper = row > scene.y, has_lower = row + 1 < scene.bottom();
  bool const bilinear = states_[slot(neighbour.x, neighbour.y)] == State::bilinear;
  double const* const a = &coefficients_[(slot(neighbour.x, neighbour.y) * fields_.size() + to_size(band)) *
                                         to_size(spline_.coefficients())];
  std::vector<double> across, down;
  for (int i = 0; i < ratio; ++i) {
    across.push_back(axis_weight(offset_in_cell(i, ratio), dx, has_left, has_right));
    down.push_back(axis_weight(offset_in_cell(i, ratio), dy, has_upper, has_lower));
  }
  // Rows without a weight are left out; in columns it is faster to have whole rows.
  auto const with_weight = [](double weight) { return weight != 0; };
  auto const first_row = std::ranges::find_if(down, with_weight) - down.begin();
  auto const last_row = down.rend() - std::find_if(down.rbegin(), down.rend(), with_weight);
  std::size_t const first = static_cast<std::size_t>(first_row) * to_size(ratio);
  std::size_t const last = static_cast<std::size_t>(last_row) * to_size(ratio);
  std::vector<double> sums(pixels);
  for (std::size_t p = first; p < last; ++p) {
    double const x = offset_in_cell(static_cast<int>(p) % ratio, ratio);
    double const y = offset_in_cell(static_cast<int>(p) / ratio, ratio);
    sums[p] = bilinear ? bilinear_value(column, row, band, x, y) : a[0] + a[1] * (x - dx) + a[2] * (y - dy);
  }
  for (int ny = 0; ny <= 2 * reach && !bilinear; ++ny) {
    for (int nx = 0; nx <= 2 * reach; ++nx) {
      double const b = a[3 + ny * (2 * reach + 1) + nx];
      if (b == 0) continue;  // a cell that is not there
      double const* const kernel =
          &spline_.kernel_[(to_size(ny + dy + 1) * side + to_size(nx + dx + 1)) * pixels];
      for (std::size_t p = first; p < last; ++p) sums[p] += b * kernel[p];
    }
  }
  for (std::size_t p = first; p < last; ++p) {
    double const weight = across[p % to_size(ratio)] * down[p / to_size(ratio)];
    if (weight != 0) values[p] += weight * sums[p];
  }
}

/// The field at (x, y) from the centre of a cell, from the valid ones of the four cells around.
double SplineImage::bilinear_value(int column, int row, int band, double x, double y) const {
  Rect const& scene = frame_.scene;
  double sum = 0, total = 0;
  for (int j = 0; j <= 1; ++j) {
    for (int i = 0; i <= 1; ++i) {
      int const at_x = std::clamp(column + (x < 0 ? -i : i), scene.x, scene.right() - 1);
      int const at_y = std::clamp(row + (y < 0 ? -j : j), scene.y, scene.bottom() - 1);
      double const from = value(at_x, at_y, band);
      if (std::isnan(from)) continue;
      double const weight =
          (i == 0 ? 1 - std::abs(x) : std::abs(x)) * (j == 0 ? 1 - std::abs(y) : std::abs(y));
      sum += weight * from;
      total += weight;
    }
  }
  return sum / total;
}

}  // namespace stfcube
