#include "stfcube/models/window_similarity.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace stfcube {
namespace {

constexpr int gauss_px = 11;
constexpr int box_px = 8;

std::array<double, gauss_px> gaussian_weights() {
  constexpr double sigma_px = 1.5;
  std::array<double, gauss_px> weights{};
  double sum = 0;
  for (int i = 0; i < gauss_px; ++i) {
    double const d = i - gauss_px / 2;
    weights[static_cast<std::size_t>(i)] = std::exp(-d * d / (2 * sigma_px * sigma_px));
    sum += weights[static_cast<std::size_t>(i)];
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

ExactSum to_steps(double value) {
  return std::llround(value * window_steps_per_one);
}

/// Rows (or columns) of window corners of a plane: those in the core whose window still lies inside.
int corners(int core, int size, int window_px) {
  return std::max(0, std::min(core, size - window_px + 1));
}

/// For each window row in turn, which windows have no invalid pixel.
class ValidWindows {
 public:
  ValidWindows(PairedPlane const& plane, int window_px)
      : plane_(plane), window_px_(window_px), count_(static_cast<std::size_t>(plane.width)) {
    for (int y = 0; y < window_px - 1; ++y) add_row(y, 1);
  }

  /// Fills `whole` for the windows with upper row y; y grows by one from 0.
  void row(int y, std::span<std::uint8_t> whole) {
    add_row(y + window_px_ - 1, 1);
    int invalid = 0;
    for (int x = 0; x < window_px_ - 1; ++x) invalid += count_[static_cast<std::size_t>(x)];
    for (std::size_t x = 0; x < whole.size(); ++x) {
      invalid += count_[x + static_cast<std::size_t>(window_px_) - 1];
      whole[x] = invalid == 0;
      invalid -= count_[x];
    }
    add_row(y, -1);
  }

 private:
  void add_row(int y, int sign) {
    auto const* valid = plane_.valid.data() + static_cast<std::size_t>(y) * count_.size();
    for (std::size_t x = 0; x < count_.size(); ++x) count_[x] += valid[x] ? 0 : sign;
  }

  PairedPlane const& plane_;
  int window_px_;
  std::vector<int> count_;  ///< invalid pixels of the window's rows, per column
};

/// The five moments that SSIM needs, for one row of pixels or windows.
struct Moments {
  std::vector<double> y, p, yy, pp, yp;

  explicit Moments(std::size_t size) : y(size), p(size), yy(size), pp(size), yp(size) {}
  std::array<std::vector<double>*, 5> all() { return {&y, &p, &yy, &pp, &yp}; }
};

/// SSIM of one plane, row by row: rows are filtered along x once, and kept while a window needs them.
class Ssim {
 public:
  Ssim(PairedPlane const& plane, std::span<double const> data_ranges)
      : plane_(plane),
        data_ranges_(data_ranges),
        columns_(static_cast<std::size_t>(corners(plane.core_width, plane.width, gauss_px))),
        pixels_(static_cast<std::size_t>(plane.width)),
        window_(columns_),
        rows_(gauss_px, Moments(columns_)) {}

  std::vector<WindowSum> sums() {
    std::vector<WindowSum> results(data_ranges_.size());
    int const rows = corners(plane_.core_height, plane_.height, gauss_px);
    if (rows == 0 || columns_ == 0) return results;
    ValidWindows valid(plane_, gauss_px);
    std::vector<std::uint8_t> whole(columns_);
    for (int y = 0; y < gauss_px - 1; ++y) filter_row(y);
    for (int y = 0; y < rows; ++y) {
      filter_row(y + gauss_px - 1);
      filter_columns(y);
      valid.row(y, whole);
      for (std::size_t r = 0; r < results.size(); ++r) {
        if (data_ranges_[r] > 0) add_row(whole, data_ranges_[r], results[r]);
      }
    }
    return results;
  }

 private:
  void add_row(std::vector<std::uint8_t> const& whole, double data_range, WindowSum& result) const {
    double const c1 = std::pow(0.01 * data_range, 2), c2 = std::pow(0.03 * data_range, 2);
    for (std::size_t x = 0; x < columns_; ++x) {
      if (!whole[x]) continue;
      result.total += to_steps(value(x, c1, c2));
      ++result.windows;
    }
  }

  void filter_row(int y) {
    std::size_t const first = static_cast<std::size_t>(y) * pixels_.y.size();
    for (std::size_t x = 0; x < pixels_.y.size(); ++x) {
      double const reference = static_cast<double>(plane_.reference[first + x]) / nano_per_one;
      double const prediction = static_cast<double>(plane_.prediction[first + x]) / nano_per_one;
      pixels_.y[x] = reference;
      pixels_.p[x] = prediction;
      pixels_.yy[x] = reference * reference;
      pixels_.pp[x] = prediction * prediction;
      pixels_.yp[x] = reference * prediction;
    }
    auto const from = pixels_.all();
    auto const to = rows_[static_cast<std::size_t>(y % gauss_px)].all();
    for (std::size_t m = 0; m < from.size(); ++m) {
      std::ranges::fill(*to[m], 0.0);
      for (std::size_t k = 0; k < gauss_px; ++k) add(*to[m], from[m]->data() + k, weights_[k]);
    }
  }

  void filter_columns(int y) {
    for (std::size_t m = 0; m < window_.all().size(); ++m) {
      auto& to = *window_.all()[m];
      std::ranges::fill(to, 0.0);
      for (int k = 0; k < gauss_px; ++k) {
        auto const& row = *rows_[static_cast<std::size_t>((y + k) % gauss_px)].all()[m];
        add(to, row.data(), weights_[static_cast<std::size_t>(k)]);
      }
    }
  }

  static void add(std::vector<double>& to, double const* from, double weight) {
    for (std::size_t x = 0; x < to.size(); ++x) to[x] += weight * from[x];
  }

  double value(std::size_t x, double c1, double c2) const {
    double const y = window_.y[x];
    double const p = window_.p[x];
    double const variances = std::max(0.0, window_.yy[x] - y * y) + std::max(0.0, window_.pp[x] - p * p);
    double const covariance = window_.yp[x] - y * p;
    return ((2 * y * p + c1) * (2 * covariance + c2)) / ((y * y + p * p + c1) * (variances + c2));
  }

  PairedPlane const& plane_;
  std::span<double const> data_ranges_;
  std::size_t columns_;
  std::array<double, gauss_px> weights_ = gaussian_weights();
  Moments pixels_, window_;
  std::vector<Moments> rows_;  ///< the last 11 rows filtered along x; row y stands at y % 11
};

/// Exact sums over a box.
struct BoxSums {
  ExactSum y = 0, p = 0, squares = 0, products = 0;  ///< squares: of both images together

  void add(BoxSums const& o) { y += o.y, p += o.p, squares += o.squares, products += o.products; }
  void subtract(BoxSums const& o) { y -= o.y, p -= o.p, squares -= o.squares, products -= o.products; }
};

double uiqi(BoxSums const& box) {
  constexpr ExactSum n = box_px * box_px;
  ExactSum const means = box.y * box.y + box.p * box.p;
  ExactSum const variances = n * box.squares - means;
  double const luminance =
      means == 0 ? 1 : 2 * static_cast<double>(box.y * box.p) / static_cast<double>(means);
  double const structure = variances == 0 ? 1
                                          : 2 * static_cast<double>(n * box.products - box.y * box.p) /
                                                static_cast<double>(variances);
  return luminance * structure;
}

/// Box sums of integers may run: adding and taking away is exact.
class Uiqi {
 public:
  explicit Uiqi(PairedPlane const& plane) : plane_(plane), columns_(static_cast<std::size_t>(plane.width)) {}

  WindowSum sum() {
    WindowSum result;
    int const rows = corners(plane_.core_height, plane_.height, box_px);
    int const windows = corners(plane_.core_width, plane_.width, box_px);
    if (rows == 0 || windows == 0) return result;
    ValidWindows valid(plane_, box_px);
    std::vector<std::uint8_t> whole(static_cast<std::size_t>(windows));
    for (int y = 0; y < box_px - 1; ++y) update(y, &BoxSums::add);
    for (int y = 0; y < rows; ++y) {
      update(y + box_px - 1, &BoxSums::add);
      valid.row(y, whole);
      add_row(whole, result);
      update(y, &BoxSums::subtract);
    }
    return result;
  }

 private:
  void update(int y, void (BoxSums::*change)(BoxSums const&)) {
    std::size_t const first = static_cast<std::size_t>(y) * columns_.size();
    for (std::size_t x = 0; x < columns_.size(); ++x) {
      ExactSum const reference = plane_.reference[first + x];
      ExactSum const prediction = plane_.prediction[first + x];
      (columns_[x].*change)(
          {reference, prediction, reference * reference + prediction * prediction, reference * prediction});
    }
  }

  void add_row(std::span<std::uint8_t const> whole, WindowSum& result) const {
    BoxSums box;
    for (std::size_t x = 0; x + 1 < box_px; ++x) box.add(columns_[x]);
    for (std::size_t x = 0; x < whole.size(); ++x) {
      box.add(columns_[x + box_px - 1]);
      if (whole[x]) {
        result.total += to_steps(uiqi(box));
        ++result.windows;
      }
      box.subtract(columns_[x]);
    }
  }

  PairedPlane const& plane_;
  std::vector<BoxSums> columns_;
};

/// Calls `body` for every row of window corners in the core, with the number of its first pixel and which
/// windows are whole.
template <class Body>
void for_whole_windows(PairedPlane const& plane, int window_px, Body const& body) {
  int const rows = corners(plane.core_height, plane.height, window_px);
  int const columns = corners(plane.core_width, plane.width, window_px);
  if (rows == 0 || columns == 0) return;
  ValidWindows valid(plane, window_px);
  std::vector<std::uint8_t> whole(static_cast<std::size_t>(columns));
  for (int y = 0; y < rows; ++y) {
    valid.row(y, whole);
    body(static_cast<std::size_t>(y) * static_cast<std::size_t>(plane.width), whole);
  }
}

Nano roberts(std::span<Nano const> image, std::size_t at, int width) {
  auto const below = at + static_cast<std::size_t>(width);
  return std::abs(image[at] - image[below + 1]) + std::abs(image[below] - image[at + 1]);
}

constexpr int laplacian_px = 3;

/// Of the pixel in the middle of the window whose upper left pixel is `at`.
ExactSum laplacian(std::span<Nano const> image, std::size_t at, int width) {
  auto const line = static_cast<std::size_t>(width);
  ExactSum sum = 0;
  for (std::size_t y = 0; y < laplacian_px; ++y) {
    for (std::size_t x = 0; x < laplacian_px; ++x) sum += image[at + y * line + x];
  }
  return 9 * ExactSum{image[at + line + 1]} - sum;
}

}  // namespace

std::vector<WindowSum> ssim_windows(PairedPlane const& plane, std::span<double const> data_ranges) {
  return Ssim(plane, data_ranges).sums();
}

WindowSum uiqi_windows(PairedPlane const& plane) {
  return Uiqi(plane).sum();
}

WindowSum edge_windows(PairedPlane const& plane) {
  WindowSum result;
  int const columns = corners(plane.core_width, plane.width, 2);
  for_whole_windows(plane, 2, [&](std::size_t row, std::vector<std::uint8_t> const& whole) {
    for (std::size_t x = 0; x < static_cast<std::size_t>(columns); ++x) {
      if (!whole[x]) continue;
      Nano const y = roberts(plane.reference, row + x, plane.width);
      Nano const p = roberts(plane.prediction, row + x, plane.width);
      if (y + p == 0) continue;
      result.total += to_steps(static_cast<double>(p - y) / static_cast<double>(p + y));
      ++result.windows;
    }
  });
  return result;
}

void add_laplacians(PairedPlane const& plane, BandSums& sums) {
  int const columns = corners(plane.core_width, plane.width, laplacian_px);
  for_whole_windows(plane, laplacian_px, [&](std::size_t row, std::vector<std::uint8_t> const& whole) {
    for (std::size_t x = 0; x < static_cast<std::size_t>(columns); ++x) {
      if (!whole[x]) continue;
      ExactSum const y = laplacian(plane.reference, row + x, plane.width);
      ExactSum const p = laplacian(plane.prediction, row + x, plane.width);
      ++sums.laplacians;
      sums.reference_laplacian += y;
      sums.prediction_laplacian += p;
      sums.reference_laplacian_squares += y * y;
      sums.prediction_laplacian_squares += p * p;
      sums.laplacian_products += y * p;
    }
  });
}

}  // namespace stfcube
