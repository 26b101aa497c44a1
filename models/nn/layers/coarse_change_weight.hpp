#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Weight of the estimate from the earlier pair, [N, 1, H, W], where two pairs give one each: the less the
/// coarse image changed between a pair and the target, the more the pair's estimate counts. With v the mean
/// absolute change over bands and a square window of 2 radius + 1 pixels, plus 0.001 in reflectance:
/// v_after / (v_before + v_after). The window ends at the image's edges.
torch::Tensor coarse_change_weight(torch::Tensor const& coarse_before, torch::Tensor const& coarse_target,
                                   torch::Tensor const& coarse_after, int radius);

}  // namespace stfcube::nn
