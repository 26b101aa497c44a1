#include "stfcube/models/nn/layers/switch_normalisation.hpp"

#include "stfcube/models/nn/layers/map_statistics.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

Tensor mixed(Tensor const& weights, Tensor const& instance, Tensor const& layer, Tensor const& batch) {
  Tensor const share = weights.softmax(0);
  return share[0] * instance + share[1] * layer + share[2] * batch;
}

void follow(Tensor& running, Tensor const& batch) {
  torch::NoGradGuard const fixed;
  running.mul_(0.9).add_(0.1 * batch.detach().squeeze(-1));
}

}  // namespace

SwitchNormalisationImpl::SwitchNormalisationImpl(int channels) {
  weight_ = register_parameter("weight", torch::ones({1, channels, 1, 1}));
  bias_ = register_parameter("bias", torch::zeros({1, channels, 1, 1}));
  mean_weight_ = register_parameter("mean_weight", torch::ones(3));
  variance_weight_ = register_parameter("var_weight", torch::ones(3));
  running_mean_ = register_buffer("running_mean", torch::zeros({1, channels, 1}));
  running_variance_ = register_buffer("running_var", torch::zeros({1, channels, 1}));
}

Tensor SwitchNormalisationImpl::forward(Tensor const& map) {
  MapStatistics const statistics = map_statistics(map, Wanted::mean_and_variance);
  Tensor const mean = statistics.mean, variance = statistics.unbiased_variance();
  Tensor const square = variance + mean * mean;
  Tensor const layer_mean = mean.mean(1, true);
  Tensor const layer_variance = square.mean(1, true) - layer_mean * layer_mean;
  Tensor batch_mean = running_mean_.unsqueeze(-1), batch_variance = running_variance_.unsqueeze(-1);
  if (is_training()) {
    batch_mean = mean.mean(0, true);
    batch_variance = square.mean(0, true) - batch_mean * batch_mean;
    follow(running_mean_, batch_mean);
    follow(running_variance_, batch_variance);
  }
  Tensor const centre = mixed(mean_weight_, mean, layer_mean, batch_mean);
  Tensor const spread = mixed(variance_weight_, variance, layer_variance, batch_variance);
  return (map - centre) / (spread + 1e-5).sqrt() * weight_ + bias_;
}

}  // namespace stfcube::nn
