#include "stfcube/models/nn/networks/edcstfn.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"pairs", "1",
     "reference pairs: 1, or 2 merged in feature space (then both sides of the target are needed)"},
    {"residual", "false",
     "predicts the change of the reference image instead of the image; true is stfcube's variant EDCSTFN-R"},
    {"width", "32", "channels of the first layer; the next ones have two and four times as many"},
};

}  // namespace

Edcstfn::Edcstfn(EdcstfnOptions const& options)
    : options_(options),
      info_{.name = "edcstfn",
            .title = "Enhanced deep convolutional spatiotemporal fusion network",
            .citation = "Tan, Di, Zhang, Guo, Gao 2019, Remote Sensing 11(24), 2898",
            .evidence = Evidence::published_code,
            .form = options.pairs == 2 ? NetworkForm::two_pairs : NetworkForm::one_pair,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = 5,
            .one_sided = true} {
  int const n = options.width, bands = options.bands;
  using torch::nn::ReLU;
  encoder_ = register_module(
      "encoder", Chain(replicated_convolution(bands, n), ReLU(), replicated_convolution(n, 2 * n), ReLU(),
                       replicated_convolution(2 * n, 4 * n), ReLU()));
  residual_encoder_ = register_module(
      "residual", Chain(replicated_convolution(3 * bands, n), ReLU(), replicated_convolution(n, 2 * n),
                        ReLU(), replicated_convolution(2 * n, 4 * n)));
  torch::nn::Conv2d last(n, bands, 1);
  decoder_ = register_module("decoder", Chain(replicated_convolution(4 * n, 2 * n), ReLU(),
                                              replicated_convolution(2 * n, n), ReLU(), last));
  if (options.residual) {
    torch::NoGradGuard const fixed;
    last->weight.zero_();
    last->bias.zero_();
  }
}

torch::Tensor Edcstfn::residual_features(torch::Tensor const& coarse_reference,
                                         torch::Tensor const& fine_reference,
                                         torch::Tensor const& coarse_target) {
  return residual_encoder_->forward(torch::cat({coarse_reference, fine_reference, coarse_target}, 1));
}

torch::Tensor Edcstfn::forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                               torch::Tensor const& coarse_target) {
  auto const predicted = decoder_->forward(
      encoder_->forward(fine_reference) + residual_features(coarse_reference, fine_reference, coarse_target));
  return options_.residual ? predicted + fine_reference : predicted;
}

torch::Tensor Edcstfn::merged(NetworkInput const& input) {
  auto const before = residual_features(input.coarse_before, input.fine_before, input.coarse_target);
  auto const after = residual_features(input.coarse_after, input.fine_after, input.coarse_target);
  auto const closeness_before = 1 / (before.abs() + 1e-8), closeness_after = 1 / (after.abs() + 1e-8);
  auto const weight = closeness_before / (closeness_before + closeness_after);
  auto const predicted = decoder_->forward(weight * (encoder_->forward(input.fine_before) + before) +
                                           (1 - weight) * (encoder_->forward(input.fine_after) + after));
  return options_.residual ? predicted + (input.fine_before + input.fine_after) / 2 : predicted;
}

torch::Tensor Edcstfn::predict(NetworkInput const& input) {
  return options_.pairs == 2 ? merged(input)
                             : forward(input.coarse_before, input.fine_before, input.coarse_target);
}

NetworkEntry edcstfn_entry() {
  return {.summary =
              "encoder and decoder of 3x3 convolutions; the change of the coarse image is added to the "
              "features of the fine one",
          .evidence = Evidence::published_code,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Edcstfn>(EdcstfnOptions{.bands = shape.bands,
                                                            .width = options.integer("width", 1, 1024),
                                                            .pairs = options.integer("pairs", 1, 2),
                                                            .residual = options.flag("residual")});
          }};
}

}  // namespace stfcube::nn
