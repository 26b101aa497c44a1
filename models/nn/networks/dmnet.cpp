#include "stfcube/models/nn/networks/dmnet.hpp"

#include "stfcube/models/nn/layers/dilated_branches.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"width", "32",
     "channels of each dilated branch and of the first fine layer; inner layers have twice as many"},
};

torch::nn::Conv2d layer(int in, int out, int dilation = 1) {
  return convolution(in, out, 3, Padding::replicate, 1, dilation);
}

DilatedBranches scales(int in, int branch) {
  return DilatedBranches(in, branch, std::vector<int>{1, 2, 3});
}

}  // namespace

Dmnet::Dmnet(DmnetOptions const& options)
    : info_{.name = "dmnet",
            .title = "Dilated convolution and multi-scale network",
            .citation = "Li, Zhang, Peng, Dong 2020, IEEE Sensors Journal 20(20), 12190-12202",
            .evidence = Evidence::reading,
            .form = NetworkForm::one_pair,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = 11} {
  using torch::nn::ReLU;
  int const n = options.width, bands = options.bands;
  change_ = register_module(
      "change", Chain(scales(bands, n), layer(3 * n, 2 * n), ReLU(), layer(2 * n, 2 * n, 2), ReLU()));
  shallow_ = register_module("shallow", Chain(layer(bands, n), ReLU()));
  fine_ = register_module("fine", Chain(layer(n, 2 * n), ReLU(), layer(2 * n, 2 * n), ReLU()));
  scales_ = register_module("scales", Chain(scales(4 * n, n)));
  output_ = register_module(
      "output", Chain(layer(4 * n, 2 * n), ReLU(), layer(2 * n, n), ReLU(), convolution(n, bands, 1)));
}

torch::Tensor Dmnet::forward(torch::Tensor const& coarse_change, torch::Tensor const& fine_reference) {
  auto const shallow = shallow_->forward(fine_reference);
  auto const joined = torch::cat({change_->forward(coarse_change), fine_->forward(shallow)}, 1);
  return output_->forward(torch::cat({scales_->forward(joined), shallow}, 1));
}

torch::Tensor Dmnet::predict(NetworkInput const& input) {
  return forward(input.coarse_target - input.coarse_before, input.fine_before);
}

NetworkEntry dmnet_entry() {
  return {.summary = "dilated convolutions at several scales over the coarse change and the fine image",
          .evidence = Evidence::reading,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Dmnet>(
                DmnetOptions{.bands = shape.bands, .width = options.integer("width", 1, 1024)});
          }};
}

}  // namespace stfcube::nn
