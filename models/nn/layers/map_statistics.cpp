#include "stfcube/models/nn/layers/map_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

/// Ends a forward pass whose next statistics have been gathered.
struct StatisticsGathered {};

/// Who answers on this thread, and how far it is.
struct Provider {
  std::vector<MapConstants> const& known;
  BlockCores const* blocks = nullptr;
  MapSums* sums = nullptr;
  std::size_t calls = 0;
};

thread_local Provider* installed = nullptr;

class Installed {
 public:
  explicit Installed(Provider& provider) : before_(installed) { installed = &provider; }
  ~Installed() { installed = before_; }
  Installed(Installed const&) = delete;
  Installed& operator=(Installed const&) = delete;

 private:
  Provider* before_;
};

/// Pixels begin..end-1 of a map's axis.
struct Range {
  std::int64_t begin, end;
};

/// Those pixels of a map's axis of `size` whose first pixel of the block's `full` lies in
/// [begin, begin + length).
Range scaled(int begin, int length, std::int64_t full, std::int64_t size) {
  require(size > 0 && (full % size == 0 || size % full == 0), ErrorKind::internal,
          "A feature map of " + std::to_string(size) + " pixels does not divide a block of " +
              std::to_string(full) + ". Let blocks be multiples of the network's alignment.");
  auto const at = [&](std::int64_t place) { return (place * size + full - 1) / full; };
  return {at(begin), at(begin + length)};
}

[[noreturn]] void refuse(double value) {
  throw Error(
      ErrorKind::model,
      "A feature map of the network has the value " + std::to_string(value) +
          ", of which no statistics can be taken. Check the weights, and the images for values out of "
          "range.");
}

void add_plane(Tensor const& plane, MapSums& sums, std::size_t channel) {
  auto const rows = plane.accessor<double, 2>();
  wide_integer sum = 0, square = 0;
  double maximum = sums.maximum[channel];
  for (std::int64_t row = 0; row < rows.size(0); ++row) {
    for (std::int64_t column = 0; column < rows.size(1); ++column) {
      double const value = rows[row][column];
      if (!(std::abs(value) < 1e12)) refuse(value);
      auto const whole = static_cast<wide_integer>(std::llrint(value * MapSums::scale));
      sum += whole;
      square += whole * whole;
      maximum = std::max(maximum, value);
    }
  }
  sums.sum[channel] += sum;
  sums.square[channel] += square;
  sums.maximum[channel] = maximum;
}

MapSums sums_of(Tensor const& map, BlockCores const& blocks) {
  require(static_cast<std::size_t>(map.size(0)) == blocks.cores.size(), ErrorKind::internal,
          "A feature map has " + std::to_string(map.size(0)) + " samples for " +
              std::to_string(blocks.cores.size()) + " blocks. Name a core for each block.");
  auto const channels = static_cast<std::size_t>(map.size(1));
  MapSums sums;
  sums.sum.assign(channels, 0);
  sums.square.assign(channels, 0);
  sums.maximum.assign(channels, -std::numeric_limits<double>::infinity());
  for (std::int64_t sample = 0; sample < map.size(0); ++sample) {
    CoreRectangle const& core = blocks.cores[static_cast<std::size_t>(sample)];
    Range const rows = scaled(core.row, core.height, blocks.height, map.size(2));
    Range const columns = scaled(core.column, core.width, blocks.width, map.size(3));
    Tensor const part = map[sample]
                            .slice(1, rows.begin, rows.end)
                            .slice(2, columns.begin, columns.end)
                            .to(torch::kCPU, torch::kFloat64);
    for (std::size_t channel = 0; channel < channels; ++channel)
      add_plane(part[static_cast<std::int64_t>(channel)], sums, channel);
    sums.count += (rows.end - rows.begin) * (columns.end - columns.begin);
  }
  return sums;
}

Tensor as_map(std::vector<double> const& values, Tensor const& map) {
  require(static_cast<std::int64_t>(values.size()) == map.size(1), ErrorKind::internal,
          "The scene's statistics have " + std::to_string(values.size()) + " channels, the feature map has " +
              std::to_string(map.size(1)) +
              ". Gather them with the same network, and let its layers ask in a fixed order.");
  return torch::tensor(values, torch::kFloat64).to(map.options()).view({1, -1, 1, 1});
}

MapStatistics answer(Provider& provider, Tensor const& map, Wanted wanted) {
  std::size_t const call = provider.calls++;
  if (call >= provider.known.size()) {
    require(provider.sums != nullptr, ErrorKind::internal,
            "The network asks for the statistics of map " + std::to_string(call + 1) +
                ", but only those of " + std::to_string(provider.known.size()) +
                " are known. Gather the scene's statistics first.");
    provider.sums->add(sums_of(map.detach(), *provider.blocks));
    throw StatisticsGathered();
  }
  MapConstants const& constants = provider.known[call];
  MapStatistics statistics;
  statistics.mean = as_map(constants.mean, map);
  statistics.count = constants.count;
  if (wanted == Wanted::mean_and_variance) statistics.variance = as_map(constants.variance, map);
  if (wanted == Wanted::mean_and_maximum) statistics.maximum = as_map(constants.maximum, map);
  return statistics;
}

}  // namespace

Tensor MapStatistics::unbiased_variance() const {
  auto const pixels = static_cast<double>(count);
  return variance * (pixels / std::max(1.0, pixels - 1));
}

MapStatistics map_statistics(Tensor const& map, Wanted wanted) {
  if (installed != nullptr) return answer(*installed, map, wanted);
  MapStatistics statistics;
  statistics.mean = map.mean({2, 3}, true);
  statistics.count = map.size(2) * map.size(3);
  if (wanted == Wanted::mean_and_variance) statistics.variance = map.var({2, 3}, false, true);
  if (wanted == Wanted::mean_and_maximum) statistics.maximum = map.amax({2, 3}, true);
  return statistics;
}

Tensor standardised(Tensor const& map, double epsilon) {
  MapStatistics const statistics = map_statistics(map, Wanted::mean_and_variance);
  return (map - statistics.mean) / (statistics.variance + epsilon).sqrt();
}

void use_statistics(std::vector<MapConstants> const& known, std::function<void()> const& forward) {
  Provider provider{.known = known};
  Installed const scope(provider);
  forward();
}

bool gather_statistics(std::vector<MapConstants> const& known, BlockCores const& blocks, MapSums& sums,
                       std::function<void()> const& forward) {
  Provider provider{.known = known, .blocks = &blocks, .sums = &sums};
  Installed const scope(provider);
  try {
    forward();
  } catch (StatisticsGathered const&) {
    return true;
  }
  return false;
}

}  // namespace stfcube::nn
