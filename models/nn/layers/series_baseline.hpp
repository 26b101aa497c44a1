#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// The coarse series plus the difference fine - coarse, which is taken linear in time between dates where
/// both were observed, constant before the first and after the last one, zero where there is none.
/// @param fine, coarse [T, M, B], ascending dates
/// @param both_valid [T, M], bool
/// @param days [T], of the fine series' type
/// @return [T, M, B]
torch::Tensor series_baseline(torch::Tensor const& fine, torch::Tensor const& coarse,
                              torch::Tensor const& both_valid, torch::Tensor const& days);

}  // namespace stfcube::nn
