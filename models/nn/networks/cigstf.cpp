#include "stfcube/models/nn/networks/cigstf.hpp"

#include "stfcube/models/nn/layers/dilated_branches.hpp"
#include "stfcube/models/nn/layers/residual_block.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"width", "64", "channels of all features; the dilated branches and the change head have half as many"},
};

Chain extractor(int bands, int width) {
  return Chain(DilatedBranches(bands, width / 2, std::vector<int>{1, 2, 4}),
               convolution(3 * (width / 2), width, 1), ResidualBlock(width, width));
}

Chain two_blocks(int in, int width) {
  return Chain(ResidualBlock(in, width), ResidualBlock(width, width));
}

}  // namespace

Cigstf::Cigstf(CigstfOptions const& options)
    : info_{.name = "cigstf",
            .title = "Change-information-guided spatiotemporal fusion",
            .citation = "You, Meng, Liu, Shao, Fu 2024, IEEE TGRS 62",
            .evidence = Evidence::reading,
            .form = NetworkForm::one_pair,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = 15} {
  int const n = options.width, half = n / 2, bands = options.bands;
  coarse_features_ = register_module("coarse_features", extractor(bands, n));
  fine_features_ = register_module("fine_features", extractor(bands, n));
  change_ = register_module("change", Chain(ResidualBlock(2 * n, n), ResidualBlock(n, half),
                                            convolution(half, 1, 1), torch::nn::Sigmoid()));
  fusion_ = register_module("fusion", two_blocks(3 * n, n));
  enhancement_ = register_module("enhancement", two_blocks(n + 1, n));
  output_ = register_module("output", Chain(convolution(n, half, 3, Padding::replicate), torch::nn::ReLU(),
                                            convolution(half, bands, 1)));
}

Cigstf::Output Cigstf::forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                               torch::Tensor const& coarse_target) {
  auto const fine = fine_features_->forward(fine_reference);
  auto const target = coarse_features_->forward(coarse_target);
  auto const difference = target - coarse_features_->forward(coarse_reference);
  auto const change = change_->forward(torch::cat({difference, fine}, 1));
  auto const fused = fusion_->forward(torch::cat({fine, target, difference}, 1));
  auto const enhanced = fused + enhancement_->forward(torch::cat({fused * change, change}, 1));
  return {output_->forward(enhanced), change};
}

torch::Tensor Cigstf::predict(NetworkInput const& input) {
  return forward(input.coarse_before, input.fine_before, input.coarse_target).image;
}

NetworkEntry cigstf_entry() {
  return {.summary =
              "a head that estimates where the surface changed guides the fusion of dilated and residual "
              "features",
          .evidence = Evidence::reading,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Cigstf>(
                CigstfOptions{.bands = shape.bands, .width = options.integer("width", 2, 1024)});
          }};
}

}  // namespace stfcube::nn
