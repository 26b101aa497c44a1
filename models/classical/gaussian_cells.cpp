#include "stfcube/models/classical/gaussian_cells.hpp"

#include <algorithm>
#include <cmath>

namespace stfcube {
namespace {

constexpr double smallest_pivot = 1e-12;  // of the largest variance: below it a cell says nothing new

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// The belief as it is, for when no coarse value was seen.
CellUpdate no_update(CellBelief const& cell) {
  CellUpdate update{std::vector<double>(to_size(cell.bands) * cell.group.size()), {}};
  update.variance.resize(update.shift.size());
  for (int band = 0; band < cell.bands; ++band) {
    for (std::size_t i = 0; i < cell.group.size(); ++i) {
      if (cell.group[i] >= 0)
        update.variance[to_size(band) * cell.group.size() + i] = cell.variance_of(cell.group[i], band);
    }
  }
  return update;
}

/// Lower triangle of a covariance; rows without a pivot say nothing and stay zero.
class Cholesky {
 public:
  Cholesky(std::vector<double> const& matrix, std::size_t size) : size_(size), lower_(size * size) {
    double largest = 0;
    for (std::size_t i = 0; i < size; ++i) largest = std::max(largest, matrix[i * size + i]);
    for (std::size_t i = 0; i < size; ++i) {
      double pivot = matrix[i * size + i];
      for (std::size_t j = 0; j < i; ++j) {
        if (at(j, j) == 0) continue;
        double sum = matrix[i * size + j];
        for (std::size_t m = 0; m < j; ++m) sum -= at(i, m) * at(j, m);
        lower_[i * size + j] = sum / at(j, j);
        pivot -= at(i, j) * at(i, j);
      }
      if (pivot > smallest_pivot * largest) {
        lower_[i * size + i] = std::sqrt(pivot);
      } else {
        std::fill_n(lower_.begin() + static_cast<std::ptrdiff_t>(i * size), size, 0.0);
      }
    }
  }

  /// Solves L y = x in place for many right sides. @param x  [row, side]
  void forward(double* x, std::size_t sides) const {
    for (std::size_t i = 0; i < size_; ++i) {
      double* const to = x + i * sides;
      for (std::size_t j = 0; j < i; ++j) {
        double const factor = at(i, j);
        double const* const from = x + j * sides;
        for (std::size_t k = 0; k < sides; ++k) to[k] -= factor * from[k];
      }
      double const scale = at(i, i) == 0 ? 0 : 1 / at(i, i);
      for (std::size_t k = 0; k < sides; ++k) to[k] *= scale;
    }
  }

 private:
  double at(std::size_t i, std::size_t j) const { return lower_[i * size_ + j]; }

  std::size_t size_;
  std::vector<double> lower_;
};

}  // namespace

CellUpdate block_update(CellBelief const& cell, double coarse_sigma) {
  CellUpdate update = no_update(cell);
  if (!cell.observed) return update;
  std::vector<std::int64_t> pixels(to_size(cell.groups));
  for (auto const g : cell.group) {
    if (g >= 0) ++pixels[to_size(g)];
  }
  double const n = cell.known;
  for (int band = 0; band < cell.bands; ++band) {
    double sum = 0;
    for (int g = 0; g < cell.groups; ++g)
      sum += static_cast<double>(pixels[to_size(g)]) * cell.variance_of(g, band);
    double const s = sum / (n * n) + coarse_sigma * coarse_sigma;
    if (s <= 0) continue;
    double const gain = cell.innovation[to_size(band)] / (n * s);
    double const learnt = 1 / (n * n * s);
    for (std::size_t i = 0; i < cell.group.size(); ++i) {
      if (cell.group[i] < 0) continue;
      double const q = cell.variance_of(cell.group[i], band);
      std::size_t const at = to_size(band) * cell.group.size() + i;
      update.shift[at] = q * gain;
      update.variance[at] = std::max(q - q * q * learnt, 0.0);
    }
  }
  return update;
}

CellCorrelation::CellCorrelation(int ratio, double length) : reach_(3 * ratio - 1) {
  correlation_.reserve(to_size(reach_ + 1) * to_size(2 * reach_ + 1));
  for (int dy = 0; dy <= reach_; ++dy) {
    for (int dx = -reach_; dx <= reach_; ++dx)
      correlation_.push_back(std::exp(-std::sqrt(static_cast<double>(dx * dx + dy * dy)) / length));
  }
}

/// For each group of the source the sum of the correlations of its pixels with each pixel of another cell:
/// [group, pixel].
std::vector<double> CellCorrelation::seen_from(CellBelief const& source, CellBelief const& at) const {
  std::vector<double> sums(to_size(source.groups) * at.group.size());
  std::size_t i = 0;
  for (int sy = source.px.y; sy < source.px.bottom(); ++sy) {
    for (int sx = source.px.x; sx < source.px.right(); ++sx, ++i) {
      if (source.group[i] < 0) continue;
      double* to = sums.data() + to_size(source.group[i]) * at.group.size();
      for (int y = at.px.y; y < at.px.bottom(); ++y, to += at.px.width) {
        double const* const from = correlation_.data() + to_size(std::abs(y - sy)) * to_size(2 * reach_ + 1) +
                                   to_size(at.px.x - sx + reach_);
        for (int x = 0; x < at.px.width; ++x) to[x] += from[x];
      }
    }
  }
  return sums;
}

std::vector<double> CellCorrelation::covariance(CellBelief const& a, CellBelief const& b) const {
  auto const sums = seen_from(a, b);
  std::size_t const entries = to_size(b.groups) + 1;  // the first is for pixels that are left out
  std::vector<double> of_groups(to_size(a.groups) * entries);
  for (int g = 0; g < a.groups; ++g) {
    double const* const row = sums.data() + to_size(g) * b.group.size();
    double* const to = of_groups.data() + to_size(g) * entries;
    for (std::size_t i = 0; i < b.group.size(); ++i) to[b.group[i] + 1] += row[i];
  }
  std::vector<double> result;
  for (int band = 0; band < a.bands; ++band) {
    double sum = 0;
    for (int g = 0; g < a.groups; ++g) {
      for (int h = 0; h < b.groups; ++h) {
        sum += std::sqrt(a.variance_of(g, band) * b.variance_of(h, band)) *
               of_groups[to_size(g) * entries + to_size(h) + 1];
      }
    }
    result.push_back(sum / (static_cast<double>(a.known) * b.known));
  }
  return result;
}

CellUpdate CellCorrelation::update(CellBelief const& cell, std::span<CellBelief const* const> cells,
                                   std::span<double const> covariances, double coarse_sigma) const {
  CellUpdate result = no_update(cell);
  std::vector<std::size_t> seen;
  std::vector<std::vector<double>> sums;
  for (std::size_t j = 0; j < cells.size(); ++j) {
    if (!cells[j]->observed) continue;
    seen.push_back(j);
    sums.push_back(seen_from(*cells[j], cell));
  }
  std::size_t const pixels = cell.group.size(), n = seen.size();
  if (n == 0) return result;
  auto const bands = to_size(cell.bands);
  std::vector<double> matrix(n * n), innovation(n), learnt(pixels);
  std::vector<double> planes(n * pixels);
  for (std::size_t band = 0; band < bands; ++band) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j)
        matrix[i * n + j] = covariances[(seen[i] * cells.size() + seen[j]) * bands + band];
      matrix[i * n + i] += coarse_sigma * coarse_sigma;
      innovation[i] = cells[seen[i]]->innovation[band];
    }
    Cholesky const cholesky(matrix, n);
    cholesky.forward(innovation.data(), 1);
    std::ranges::fill(planes, 0.0);
    for (std::size_t j = 0; j < n; ++j) {
      CellBelief const& source = *cells[seen[j]];
      for (int g = 0; g < source.groups; ++g) {
        double const weight = std::sqrt(source.variance_of(g, static_cast<int>(band))) / source.known;
        double const* const from = sums[j].data() + to_size(g) * pixels;
        for (std::size_t i = 0; i < pixels; ++i) planes[j * pixels + i] += weight * from[i];
      }
    }
    cholesky.forward(planes.data(), pixels);
    double* const shift = result.shift.data() + band * pixels;
    std::ranges::fill(learnt, 0.0);
    for (std::size_t j = 0; j < n; ++j) {
      double const* const plane = planes.data() + j * pixels;
      for (std::size_t i = 0; i < pixels; ++i) {
        shift[i] += plane[i] * innovation[j];
        learnt[i] += plane[i] * plane[i];
      }
    }
    for (std::size_t i = 0; i < pixels; ++i) {
      if (cell.group[i] < 0) continue;
      double const q = cell.variance_of(cell.group[i], static_cast<int>(band));
      shift[i] *= std::sqrt(q);
      result.variance[band * pixels + i] = std::max(q - q * learnt[i], 0.0);
    }
  }
  return result;
}

}  // namespace stfcube
