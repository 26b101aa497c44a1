#include "stfcube/models/classical/fsdaf_residual.hpp"

#include <algorithm>
#include <cmath>

namespace stfcube {
namespace {

/// The sum of the first `count` values, in their order.
double sum_of(std::vector<double> const& values, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += values[i];
  return sum;
}

}  // namespace

FsdafCell::FsdafCell(std::size_t pixels)
    : homogeneity(pixels),
      fine(pixels),
      change(pixels),
      spatial(pixels),
      lowest(pixels),
      highest(pixels),
      temporal_(pixels),
      weight_(pixels) {}

void FsdafCell::share_residual(double coarse_change, double weight_cap, Quantity const& range) {
  auto const pixels = static_cast<double>(count);
  double const residual = coarse_change - sum_of(change, count) / pixels;
  double const size = std::abs(residual), sign = residual > 0 ? 1 : -1;
  for (std::size_t i = 0; i < count; ++i) {
    temporal_[i] = fine[i] + change[i];
    // What the spatial prediction says counts where it goes the way of the residual.
    double const towards = std::max(sign * (spatial[i] - temporal_[i]), 0.0);
    weight_[i] = towards * homogeneity[i] + size * (1 - homogeneity[i]) + least_weight;
  }
  double const mean = sum_of(weight_, count) / pixels;
  for (std::size_t i = 0; i < count; ++i) {
    weight_[i] /= mean;
    weight_[i] = weight_[i] > weight_cap ? 1 : weight_[i];
  }
  double const mean_below_cap = sum_of(weight_, count) / pixels;
  for (std::size_t i = 0; i < count; ++i) {
    double const value = temporal_[i] + weight_[i] / mean_below_cap * residual;
    double const least = std::max<double>(range.lowest, lowest[i]);
    double const most = std::min<double>(range.highest, highest[i]);
    change[i] = std::min(std::max(value, least), most) - fine[i];
  }
}

}  // namespace stfcube
