#include "stfcube/models/nn/training/flat_parameters.hpp"

#include <vector>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {

FlatParameters::FlatParameters(torch::nn::Module& module, std::int64_t tail) {
  torch::NoGradGuard const fixed;
  std::vector<torch::Tensor> parameters, pieces;
  for (auto const& parameter : module.parameters()) {
    if (!parameter.requires_grad()) continue;
    ensure(parameter.scalar_type() == torch::kFloat32, "networks are trained in float32");
    parameters.push_back(parameter);
    pieces.push_back(parameter.detach().reshape({-1}));
    count_ += parameter.numel();
  }
  ensure(count_ > 0, "a network has parameters");
  values_ = torch::cat(pieces);
  gradients_ = torch::zeros({count_ + tail}, values_.options());
  std::int64_t at = 0;
  for (auto& parameter : parameters) {
    auto const count = parameter.numel();
    parameter.set_data(values_.narrow(0, at, count).view(parameter.sizes()));
    parameter.mutable_grad() = gradients_.narrow(0, at, count).view(parameter.sizes());
    at += count;
  }
}

torch::Tensor FlatParameters::gradients() const {
  return gradients_.narrow(0, 0, count_);
}

torch::Tensor FlatParameters::tail() const {
  return gradients_.narrow(0, count_, gradients_.numel() - count_);
}

void FlatParameters::clear_gradients() {
  gradients_.zero_();
}

}  // namespace stfcube::nn
