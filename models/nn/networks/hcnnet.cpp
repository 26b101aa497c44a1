#include "stfcube/models/nn/networks/hcnnet.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"width", "32", "channels of all features; the first 3-D layer has half as many"},
};

torch::nn::Conv2d plane_layer(int in, int out) {
  return convolution(in, out, 3, Padding::replicate);
}

/// 3x3x3; without padding along the images where `depth_padding` is 0.
torch::nn::Conv3d volume_layer(int in, int out, int depth_padding) {
  return torch::nn::Conv3d(
      torch::nn::Conv3dOptions(in, out, 3).padding({depth_padding, 1, 1}).padding_mode(torch::kReplicate));
}

}  // namespace

Hcnnet::Hcnnet(HcnnetOptions const& options)
    : info_{.name = "hcnnet",
            .title = "Hybrid 2-D and 3-D convolutional network",
            .citation = "Zhu, Tao, Luo 2022, IEEE TGRS 60",
            .evidence = Evidence::reading,
            .form = NetworkForm::one_pair,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = 5 + 2 * options.bands} {
  int const n = options.width;
  using torch::nn::ReLU;
  volume_ = register_module("volume", Chain(volume_layer(1, n / 2, 1), ReLU(), volume_layer(n / 2, n, 1),
                                            ReLU(), volume_layer(n, n, 0), ReLU()));
  plane_ = register_module("plane", Chain(plane_layer(1, n), ReLU(), plane_layer(n, n), ReLU()));
  joined_plane_ = register_module("joined_plane", Chain(plane_layer(2 * n, n), ReLU()));
  plane_weight_ = register_parameter("plane_weight", torch::full({1}, 0.5));
  volume_weight_ = register_parameter("volume_weight", torch::full({1}, 0.5));
  merge_ = register_module("merge", Chain(plane_layer(n, n), ReLU(), plane_layer(n, n), ReLU()));
  spectral_ = register_module("spectral", Chain(plane_layer(2 * n, n), ReLU(), plane_layer(n, n), ReLU()));
  output_ = register_module("output", zeroed(plane_layer(n, 1)));
}

torch::Tensor Hcnnet::band_features(torch::Tensor const& coarse_reference,
                                    torch::Tensor const& fine_reference, torch::Tensor const& coarse_target) {
  auto const images = torch::stack({coarse_reference, coarse_target, fine_reference}, 2);
  auto const volume = volume_->forward(images).squeeze(2);
  auto const plane = joined_plane_->forward(torch::cat({plane_->forward(fine_reference), volume}, 1));
  return merge_->forward(plane_weight_ * plane + volume_weight_ * volume);
}

torch::Tensor Hcnnet::forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                              torch::Tensor const& coarse_target) {
  std::vector<torch::Tensor> bands;
  torch::Tensor features;
  for (std::int64_t band = 0; band < fine_reference.size(1); ++band) {
    auto const fine = fine_reference.narrow(1, band, 1);
    auto const own =
        band_features(coarse_reference.narrow(1, band, 1), fine, coarse_target.narrow(1, band, 1));
    features = band == 0 ? own : spectral_->forward(torch::cat({own, features}, 1));
    bands.push_back(output_->forward(features) + fine);
  }
  return torch::cat(bands, 1);
}

torch::Tensor Hcnnet::predict(NetworkInput const& input) {
  return forward(input.coarse_before, input.fine_before, input.coarse_target);
}

NetworkEntry hcnnet_entry() {
  return {
      .summary = "2-D and 3-D convolutions band after band with the same weights, for any number of bands",
      .evidence = Evidence::reading,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        return std::make_shared<Hcnnet>(
            HcnnetOptions{.bands = shape.bands, .width = options.integer("width", 2, 1024)});
      }};
}

}  // namespace stfcube::nn
