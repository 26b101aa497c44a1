#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "stfcube/models/statistics.hpp"

namespace stfcube {

/// Sums over cells that describe how one image depends on several others: exact, so that they add up in any
/// order.
class RegressionSums {
 public:
  /// Numbers for `images` images and the one to explain.
  static std::size_t count(int images) {
    return 3 + 2 * size(images) + size(images) * (size(images) + 1) / 2;
  }

  /// @param sums  `count` numbers, lives as long as this
  RegressionSums(std::span<ExactSum const> sums, int images) : sums_(sums), images_(images) {}

  /// Adds a cell. @param values  of the images; @param target  of the one to explain
  template <class Number>
  static void add(std::span<Number> sums, std::span<int const> values, int target) {
    std::int64_t const t = target;
    std::size_t at = 0;
    sums[at++] += 1;
    sums[at++] += t;
    sums[at++] += t * t;
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::int64_t const v = values[i];
      sums[at++] += v;
      sums[at++] += v * t;
      for (std::size_t j = 0; j <= i; ++j) sums[at++] += v * values[j];
    }
  }

  ExactSum cells() const { return sums_[0]; }
  double mean_target() const { return ratio(sums_[1]); }
  double mean(int i) const { return ratio(sums_[first(i)]); }
  /// Population variances and covariances, DN^2.
  double target_variance() const { return covariance(sums_[2], sums_[1], sums_[1]); }
  double with_target(int i) const { return covariance(sums_[first(i) + 1], sums_[first(i)], sums_[1]); }
  /// @param j  at most i
  double between(int i, int j) const {
    return covariance(sums_[first(i) + 2 + size(j)], sums_[first(i)], sums_[first(j)]);
  }
  int images() const { return images_; }

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  static std::size_t first(int i) { return 3 + 2 * size(i) + size(i) * (size(i) + 1) / 2; }
  double ratio(ExactSum sum) const { return static_cast<double>(sum) / static_cast<double>(cells()); }
  double covariance(ExactSum products, ExactSum a, ExactSum b) const {
    double const n = static_cast<double>(cells());
    return static_cast<double>(cells() * products - a * b) / (n * n);
  }

  std::span<ExactSum const> sums_;
  int images_;
};

/// How negative coefficients are treated.
enum class Negative { allow, forbid, forbid_when_noisy };

/// A linear combination of images.
struct ImageCombination {
  std::vector<double> factors;  ///< of the images; 0 of those left out
  double offset = 0;            ///< DN
  double residual = 0;          ///< root mean square of what stays unexplained, DN

  /// How much larger the noise is than that of one image.
  double noise_gain() const;
};

/// Images whose correlation matrix has a larger condition than this say the same.
inline constexpr double largest_condition = 1e8;
/// Noise gain above which `forbid_when_noisy` forbids negative factors.
inline constexpr double noisy_gain = 1.5;

/// Least squares of the target on the images. Leaves out constant images, and as long as the others say the
/// same or there are too few cells the image that comes first in `farthest`. A last image without contrast
/// has the factor 1.
/// @param farthest  images in the order in which they are given up
/// @source specs: vipstf.md, step 1
ImageCombination explain_image(RegressionSums const& sums, std::span<int const> farthest, Negative negative);

}  // namespace stfcube
