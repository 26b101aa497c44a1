#include "stfcube/models/nn/networks/stfegfa.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"pairs", "2",
     "reference pairs: 2, merged in feature space (then both sides of the target are needed), or 1"},
    {"edge", "true", "adds features of the fine image's edges"},
    {"gate", "full",
     "feature attention: full (channels and pixels; channel means come from the whole scene), pixel (pixels "
     "alone) or none; the latter two need no first pass over the scene"},
    {"width", "32", "channels of the first layer, at least 2; the next ones have two and four times as many"},
};

torch::nn::Conv2d layer(int in, int out) {
  return convolution(in, out, 3, Padding::replicate);
}

Chain encoder(int in, int n) {
  using torch::nn::ReLU;
  return Chain(layer(in, n), ReLU(), layer(n, 2 * n), ReLU(), layer(2 * n, 4 * n));
}

/// Sobel's gradient of each band, along rows and down columns: [N, 2 B, H, W].
torch::Tensor slopes(torch::Tensor const& image) {
  namespace functional = torch::nn::functional;
  auto const along = torch::tensor({{-1., 0., 1.}, {-2., 0., 2.}, {-1., 0., 1.}}, image.options()) / 8;
  auto const kernels = torch::stack({along, along.t()}).unsqueeze(1).repeat({image.size(1), 1, 1, 1});
  auto const padded =
      functional::pad(image, functional::PadFuncOptions({1, 1, 1, 1}).mode(torch::kReplicate));
  return functional::conv2d(padded, kernels, functional::Conv2dFuncOptions().groups(image.size(1)));
}

/// Gradients, their maxima and the means of those over 3 x 3 pixels.
torch::Tensor edges(torch::Tensor const& image) {
  auto const strongest = torch::max_pool2d(slopes(image), {3, 3}, {1, 1}, {1, 1});
  return torch::avg_pool2d(strongest, {3, 3}, {1, 1}, {1, 1}, false, false);
}

StfegfaGate gate_of(std::string const& word) {
  if (word == "full") return StfegfaGate::full;
  return word == "pixel" ? StfegfaGate::pixel : StfegfaGate::none;
}

}  // namespace

Stfegfa::Stfegfa(StfegfaOptions const& options)
    : options_(options),
      info_{
          .name = "stfegfa",
          .title = "Edge-guided feature attention",
          .citation = "Cheng, Fu, Tang, Huang, Huang, Ji 2022, Remote Sensing 14(13), 3057",
          .evidence = Evidence::reading,
          .form = options.pairs == 2 ? NetworkForm::two_pairs : NetworkForm::one_pair,
          .path = options.gate == StfegfaGate::full ? InferencePath::scene_statistics : InferencePath::local,
          .bands = options.bands,
          .radius_px = options.edge ? 7 : 6} {
  using torch::nn::ReLU;
  int const n = options.width, bands = options.bands;
  encoder_ = register_module("encoder", encoder(bands, n));
  encoder_->push_back(ReLU());
  residual_encoder_ = register_module("residual", encoder(3 * bands, n));
  if (options.edge) edge_ = register_module("edge", layer(2 * bands, 4 * n));
  if (options.gate == StfegfaGate::full)
    channel_gate_ = register_module("channel_gate", ChannelGate(4 * n, 8));
  if (options.gate != StfegfaGate::none) pixel_gate_ = register_module("pixel_gate", PixelGate(4 * n, 8));
  decoder_ = register_module("decoder", Chain(layer(4 * n, 2 * n), ReLU(), layer(2 * n, n), ReLU(),
                                              layer(n, n / 2), ReLU(), convolution(n / 2, bands, 1)));
}

Stfegfa::Features Stfegfa::features(torch::Tensor const& coarse_reference,
                                    torch::Tensor const& fine_reference, torch::Tensor const& coarse_target) {
  auto const residual =
      residual_encoder_->forward(torch::cat({coarse_reference, fine_reference, coarse_target}, 1));
  auto all = encoder_->forward(fine_reference) + residual;
  if (edge_) all = all + edge_->forward(edges(fine_reference));
  return {residual, all};
}

torch::Tensor Stfegfa::decoded(torch::Tensor const& features) {
  auto gated = features;
  if (channel_gate_) gated = channel_gate_->forward(gated);
  if (pixel_gate_) gated = pixel_gate_->forward(gated);
  return decoder_->forward(gated);
}

torch::Tensor Stfegfa::forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                               torch::Tensor const& coarse_target) {
  return decoded(features(coarse_reference, fine_reference, coarse_target).all);
}

torch::Tensor Stfegfa::merged(NetworkInput const& input) {
  auto const before = features(input.coarse_before, input.fine_before, input.coarse_target);
  auto const after = features(input.coarse_after, input.fine_after, input.coarse_target);
  auto const closeness_before = 1 / (before.residual.abs() + 1e-8);
  auto const closeness_after = 1 / (after.residual.abs() + 1e-8);
  auto const weight = closeness_before / (closeness_before + closeness_after);
  return decoded(weight * before.all + (1 - weight) * after.all);
}

torch::Tensor Stfegfa::predict(NetworkInput const& input) {
  return options_.pairs == 2 ? merged(input)
                             : forward(input.coarse_before, input.fine_before, input.coarse_target);
}

NetworkEntry stfegfa_entry() {
  return {.summary = "EDCSTFN's encoders, features of the fine image's edges and a gate over them",
          .evidence = Evidence::reading,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Stfegfa>(
                StfegfaOptions{.bands = shape.bands,
                               .width = options.integer("width", 2, 1024),
                               .pairs = options.integer("pairs", 1, 2),
                               .edge = options.flag("edge"),
                               .gate = gate_of(options.choice("gate", {"full", "pixel", "none"}))});
          }};
}

}  // namespace stfcube::nn
