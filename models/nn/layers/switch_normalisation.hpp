#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// Normalises by a trained mixture of the statistics of the channel in the sample, of the sample, and of the
/// channel in the batch (Luo et al. 2018; running averages of the batch in evaluation mode). The first two
/// are those of the whole map: see map_statistics().
class SwitchNormalisationImpl : public torch::nn::Module {
 public:
  explicit SwitchNormalisationImpl(int channels);

  torch::Tensor forward(torch::Tensor const& map);

 private:
  torch::Tensor weight_, bias_, mean_weight_, variance_weight_, running_mean_, running_variance_;
};
TORCH_MODULE(SwitchNormalisation);

}  // namespace stfcube::nn
