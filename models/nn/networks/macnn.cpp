#include "stfcube/models/nn/networks/macnn.hpp"

#include <algorithm>

#include "stfcube/models/nn/layers/coarse_change_weight.hpp"
#include "stfcube/models/nn/layers/dilated_branches.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"width", "64", "channels of all features, at least 16; the dilated branches have half as many"},
    {"gate", "full",
     "attention: full (channels and pixels; channel means and maxima come from the whole scene), spatial "
     "(pixels alone) or none; the latter two need no first pass over the scene"},
    {"window", "3",
     "side, in coarse pixels, of the window in which the coarse change weighs the estimates of the two "
     "pairs; 0: each fine pixel by itself"},
};

torch::nn::Conv2d layer(int in, int out) {
  return convolution(in, out, 3, Padding::replicate);
}

int stack_radius(MacnnGate gate) {
  int const spatial_gate = gate == MacnnGate::none ? 0 : 3;
  return 1 + 1 + 8 + 1 + spatial_gate + 1 + 1;
}

MacnnGate gate_of(std::string const& word) {
  if (word == "full") return MacnnGate::full;
  return word == "spatial" ? MacnnGate::spatial : MacnnGate::none;
}

}  // namespace

MacnnStreamImpl::MacnnStreamImpl(MacnnOptions const& options) {
  using torch::nn::ReLU;
  int const n = options.width, half = n / 2, bands = options.bands;
  head_ = register_module("head", Chain(layer(2 * bands, n), ReLU(), layer(n, n), ReLU()));
  scales_ = register_module(
      "scales", Chain(DilatedBranches(n, half, std::vector<int>{1, 2, 4, 8}), convolution(4 * half, n, 1)));
  middle_ = register_module("middle", Chain(layer(n, n), ReLU()));
  if (options.gate == MacnnGate::full)
    channel_gate_ = register_module("channel_gate", ChannelAttention(n, 16));
  if (options.gate != MacnnGate::none) spatial_gate_ = register_module("spatial_gate", SpatialAttention(7));
  tail_ = register_module("tail", Chain(layer(n, half), ReLU(), zeroed(layer(half, bands))));
}

torch::Tensor MacnnStreamImpl::forward(torch::Tensor const& coarse_difference, torch::Tensor const& fine) {
  auto const first = head_->forward(torch::cat({coarse_difference, fine}, 1));
  auto const middle = middle_->forward(scales_->forward(first) + first);
  auto attended = middle;
  if (channel_gate_) attended = attended * channel_gate_->forward(attended);
  if (spatial_gate_) attended = attended * spatial_gate_->forward(attended);
  return tail_->forward(attended + middle);
}

Macnn::Macnn(MacnnOptions const& options)
    : options_(options),
      info_{.name = "macnn",
            .title = "Multiscale attention-aware two-stream convolutional network",
            .citation = "Chen, Ge 2022, Science of Remote Sensing 6, 100062",
            .evidence = Evidence::reading,
            .form = NetworkForm::two_pairs,
            .path = options.gate == MacnnGate::full ? InferencePath::scene_statistics : InferencePath::local,
            .bands = options.bands,
            .radius_px = std::max(stack_radius(options.gate), options.weight_radius)} {
  before_ = register_module("before", MacnnStream(options));
  after_ = register_module("after", MacnnStream(options));
}

std::vector<torch::Tensor> Macnn::predict_all(NetworkInput const& input) {
  auto const before =
      input.fine_before + before_->forward(input.coarse_target - input.coarse_before, input.fine_before);
  auto const after =
      input.fine_after - after_->forward(input.coarse_after - input.coarse_target, input.fine_after);
  auto const weight = coarse_change_weight(input.coarse_before, input.coarse_target, input.coarse_after,
                                           options_.weight_radius);
  return {weight * before + (1 - weight) * after, before, after};
}

torch::Tensor Macnn::predict(NetworkInput const& input) {
  return predict_all(input).front();
}

NetworkEntry macnn_entry() {
  return {.summary = "a stream of dilated convolutions and attention from each pair to the fine difference",
          .evidence = Evidence::reading,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Macnn>(
                MacnnOptions{.bands = shape.bands,
                             .width = options.integer("width", 16, 1024),
                             .gate = gate_of(options.choice("gate", {"full", "spatial", "none"})),
                             .weight_radius = options.integer("window", 0, 9) * shape.ratio / 2});
          }};
}

}  // namespace stfcube::nn
