#include "stfcube/models/nn/api/scene_statistics.hpp"

#include <algorithm>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {

void MapSums::add(MapSums const& other) {
  if (sum.empty()) {
    *this = other;
    return;
  }
  require(other.sum.size() == sum.size(), ErrorKind::internal,
          "Statistics of a feature map cannot be added: one part has " + std::to_string(sum.size()) +
              " channels, the other one " + std::to_string(other.sum.size()) +
              ". Add parts of the same map only.");
  for (std::size_t channel = 0; channel < sum.size(); ++channel) {
    sum[channel] += other.sum[channel];
    square[channel] += other.square[channel];
    maximum[channel] = std::max(maximum[channel], other.maximum[channel]);
  }
  count += other.count;
}

MapConstants MapSums::constants() const {
  require(count > 0, ErrorKind::internal,
          "There are no statistics of a feature map without pixels. Gather at least one block with a core.");
  MapConstants constants;
  constants.maximum = maximum;
  constants.count = count;
  auto const pixels = static_cast<long double>(count);
  for (std::size_t channel = 0; channel < sum.size(); ++channel) {
    long double const mean = static_cast<long double>(sum[channel]) / pixels;
    long double const variance = static_cast<long double>(square[channel]) / pixels - mean * mean;
    constants.mean.push_back(static_cast<double>(mean / scale));
    constants.variance.push_back(static_cast<double>(std::max(0.0L, variance) / (scale * scale)));
  }
  return constants;
}

}  // namespace stfcube::nn
