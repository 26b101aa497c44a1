#pragma once

#include <cstdint>
#include <vector>

namespace stfcube::nn {

__extension__ using wide_integer = __int128;

/// What one feature map of a network amounts to over the whole scene, per channel.
struct MapConstants {
  std::vector<double> mean;
  std::vector<double> variance;  ///< biased: divided by the count
  std::vector<double> maximum;
  std::int64_t count = 0;  ///< of the map's pixels in the scene
};

/// Sums over a part of a feature map, per channel: of integers, so that the parts of a scene may be added in
/// any order, on any number of ranks, with the same result.
struct MapSums {
  static constexpr double scale = 1 << 20;  ///< a value enters as round(value * scale)

  std::vector<wide_integer> sum, square;
  std::vector<double> maximum;
  std::int64_t count = 0;

  /// Adds another part of the same map; a default-constructed object takes its number of channels.
  /// @throws Error(internal) when the number of channels differs
  void add(MapSums const& other);
  /// @throws Error(internal) when no pixel was added
  MapConstants constants() const;
};

/// The part of a block that counts: what lies around it belongs to neighbouring blocks.
struct CoreRectangle {
  int row = 0, column = 0;  ///< in the block's pixels
  int height = 0, width = 0;
};

/// A call's blocks at full resolution, all of one size, with the core of each.
struct BlockCores {
  int height = 0, width = 0;
  std::vector<CoreRectangle> cores;
};

}  // namespace stfcube::nn
