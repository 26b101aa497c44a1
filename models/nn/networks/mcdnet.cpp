#include "stfcube/models/nn/networks/mcdnet.hpp"

#include "stfcube/models/nn/layers/coarse_change_weight.hpp"
#include "stfcube/models/nn/layers/dilated_branches.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"width", "32", "channels of outer layers; inner layers have twice as many"},
};

torch::nn::Conv2d layer(int in, int out) {
  return convolution(in, out, 3, Padding::replicate);
}

/// From two images beside each other to a fine difference.
Chain difference_chain(int bands, int n) {
  using torch::nn::ReLU;
  return Chain(layer(2 * bands, n), ReLU(), layer(n, 2 * n), ReLU(), layer(2 * n, 2 * n), ReLU(),
               layer(2 * n, n), ReLU(), zeroed(layer(n, bands)));
}

}  // namespace

Mcdnet::Mcdnet(McdnetOptions const& options)
    : info_{.name = "mcdnet",
            .title = "Multi-cooperative deep convolutional network",
            .citation = "Li, Yang, Peng, Zhang 2021, IEEE JSTARS 14, 10174-10188",
            .evidence = Evidence::reading,
            .form = NetworkForm::two_pairs,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = 10} {
  int const n = options.width, bands = options.bands;
  super_resolution_ =
      register_module("super_resolution", Chain(DilatedBranches(bands, n, std::vector<int>{1, 2, 3}),
                                                layer(3 * n, 2 * n), torch::nn::ReLU(), layer(2 * n, bands)));
  difference_ = register_module("difference", difference_chain(bands, n));
  cooperation_ = register_module("cooperation", difference_chain(bands, n));
}

torch::Tensor Mcdnet::transition(torch::Tensor const& coarse) {
  return coarse + super_resolution_->forward(coarse);
}

Mcdnet::Estimates Mcdnet::estimates(NetworkInput const& input) {
  auto const before = transition(input.coarse_before), target = transition(input.coarse_target),
             after = transition(input.coarse_after);
  return {difference_->forward(torch::cat({target - before, input.fine_before}, 1)),
          difference_->forward(torch::cat({after - target, input.fine_after}, 1)),
          coarse_change_weight(before, target, after, 0)};
}

torch::Tensor Mcdnet::predict(NetworkInput const& input) {
  auto const [before_to_target, target_to_after, weight] = estimates(input);
  return weight * (input.fine_before + before_to_target) +
         (1 - weight) * (input.fine_after - target_to_after);
}

std::vector<torch::Tensor> Mcdnet::predict_all(NetworkInput const& input) {
  auto const [before_to_target, target_to_after, weight] = estimates(input);
  auto const before = input.fine_before + before_to_target, after = input.fine_after - target_to_after;
  auto const between = cooperation_->forward(torch::cat({input.fine_before, input.fine_after}, 1));
  return {weight * before + (1 - weight) * after, before, after,
          input.fine_before + between - target_to_after, input.fine_after - between + before_to_target};
}

NetworkEntry mcdnet_entry() {
  return {.summary =
              "coarse images gain detail first; fine differences from each pair must add up to the known one",
          .evidence = Evidence::reading,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Mcdnet>(
                McdnetOptions{.bands = shape.bands, .width = options.integer("width", 1, 1024)});
          }};
}

}  // namespace stfcube::nn
