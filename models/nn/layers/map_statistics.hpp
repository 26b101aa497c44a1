#pragma once

#include <functional>
#include <vector>

#include "stfcube/models/nn/api/scene_statistics.hpp"
#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Which statistics a layer needs; the others stay undefined.
enum class Wanted { mean, mean_and_variance, mean_and_maximum };

/// Statistics of a feature map over its pixels.
struct MapStatistics {
  torch::Tensor mean;      ///< [N, C, 1, 1]; [1, C, 1, 1] where the constants of a scene answered
  torch::Tensor variance;  ///< biased
  torch::Tensor maximum;
  std::int64_t count = 0;  ///< of pixels

  /// The sum of squares divided by count - 1.
  torch::Tensor unbiased_variance() const;
};

/// The only way in which a layer looks at its whole map [N, C, H, W] (normalisation, gates). In training, and
/// wherever nobody says otherwise, the statistics are those of each sample. Inside use_statistics() and
/// gather_statistics() they are those of the scene, so that a block's result does not depend on the block.
/// The layers of a network must ask in the same order for any input size.
MapStatistics map_statistics(torch::Tensor const& map, Wanted wanted);

/// (map - mean) / sqrt(variance + epsilon): instance normalisation without parameters.
torch::Tensor standardised(torch::Tensor const& map, double epsilon = 1e-5);

/// Runs `forward` on this thread with map_statistics() answered from `known`: call k by known[k].
/// @throws Error(internal) when there are more calls than constants
void use_statistics(std::vector<MapConstants> const& known, std::function<void()> const& forward);

/// Runs `forward` on this thread as far as the first map whose statistics are not in `known`, and adds the
/// cores' part of that map to `sums`. A scene's statistics are found in rounds: every round visits all
/// blocks, whose cores together are the scene, and gives the constants of one more map.
/// @param blocks the size of what `forward` reads, and a core per sample. A map's pixel belongs to the core
/// that its first pixel at full resolution lies in
/// @return whether there was such a map; false: `forward` ran to its end and all statistics are known
/// @throws Error(internal) when a map's size is neither a divisor nor a multiple of the block's
bool gather_statistics(std::vector<MapConstants> const& known, BlockCores const& blocks, MapSums& sums,
                       std::function<void()> const& forward);

}  // namespace stfcube::nn
