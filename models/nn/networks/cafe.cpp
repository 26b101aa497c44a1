#include "stfcube/models/nn/networks/cafe.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/map_statistics.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"width", "64",
     "channels of all features, at least 8; dense layers and the features of single bands have half as many"},
    {"gate", "full",
     "attention: full (channels and pixels; channel means come from the whole scene) or spatial (pixels "
     "alone), which needs no first pass over the scene"},
};

Chain activated(torch::nn::Conv2d const& layer) {
  return Chain(layer, torch::nn::PReLU());
}

Chain gate(torch::nn::Conv2d const& layer) {
  return Chain(layer, torch::nn::Sigmoid());
}

/// Five layers, each of which reads all maps before it; a 1x1 convolution of all is added to the input.
class DenseBlockImpl : public torch::nn::Module {
 public:
  DenseBlockImpl(int width, int growth) {
    int channels = width;
    for (int i = 0; i < 5; ++i, channels += growth)
      layers_.push_back(
          register_module("layer" + std::to_string(i), activated(convolution(channels, growth, 3))));
    merge_ = register_module("merge", convolution(channels, width, 1));
  }

  torch::Tensor forward(torch::Tensor const& input) {
    auto maps = input;
    for (auto& layer : layers_) maps = torch::cat({maps, layer->forward(maps)}, 1);
    return input + merge_->forward(maps);
  }

 private:
  std::vector<Chain> layers_;
  torch::nn::Conv2d merge_{nullptr};
};
TORCH_MODULE(DenseBlock);

/// A branch with a gate of channels and one with a gate of pixels beside it; what both make is added to the
/// input.
class GatedBranchesImpl : public torch::nn::Module {
 public:
  GatedBranchesImpl(int width, bool channel_gate) {
    if (channel_gate)
      channel_gate_ =
          register_module("channel_gate", Chain(convolution(width, width / 8, 1), torch::nn::PReLU(),
                                                convolution(width / 8, width, 1), torch::nn::Sigmoid()));
    channel_output_ = register_module("channel_output", activated(convolution(width, width, 1)));
    pixel_gate_ = register_module("pixel_gate", Chain(depthwise_convolution(width, 3), torch::nn::PReLU(),
                                                      convolution(width, 1, 1), torch::nn::Sigmoid()));
    pixel_output_ = register_module("pixel_output", activated(convolution(width, width, 3)));
    output_ = register_module("output", activated(convolution(width, width, 3)));
  }

  torch::Tensor forward(torch::Tensor const& input) {
    auto const by_channel =
        channel_gate_ ? input * channel_gate_->forward(map_statistics(input, Wanted::mean).mean) : input;
    auto const by_pixel = input * pixel_gate_->forward(input);
    return input + output_->forward(channel_output_->forward(by_channel) + pixel_output_->forward(by_pixel));
  }

 private:
  Chain channel_gate_{nullptr}, channel_output_{nullptr}, pixel_gate_{nullptr}, pixel_output_{nullptr},
      output_{nullptr};
};
TORCH_MODULE(GatedBranches);

/// Three dense blocks one after the other, a 1x1 convolution of what all three give, gated branches.
class DenseModuleImpl : public torch::nn::Module {
 public:
  explicit DenseModuleImpl(CafeOptions const& options) {
    int const n = options.width;
    for (int i = 0; i < 3; ++i)
      blocks_.push_back(register_module("block" + std::to_string(i), DenseBlock(n, n / 2)));
    merge_ = register_module("merge", activated(convolution(3 * n, n, 1)));
    branches_ = register_module("branches", GatedBranches(n, options.channel_gate));
  }

  torch::Tensor forward(torch::Tensor const& input) {
    std::vector<torch::Tensor> maps;
    for (auto& block : blocks_) maps.push_back(block->forward(maps.empty() ? input : maps.back()));
    return branches_->forward(merge_->forward(torch::cat(maps, 1)));
  }

 private:
  std::vector<DenseBlock> blocks_;
  Chain merge_{nullptr};
  GatedBranches branches_{nullptr};
};
TORCH_MODULE(DenseModule);

void initialise(torch::nn::Module& network) {
  torch::NoGradGuard const fixed;
  for (auto const& module : network.modules(/*include_self=*/false)) {
    if (auto* const layer = module->as<torch::nn::Conv2d>()) {
      torch::nn::init::kaiming_normal_(layer->weight);
      layer->bias.zero_();
    }
  }
}

}  // namespace

CrossAttentionImpl::CrossAttentionImpl(int in, int width, int kernel) {
  coarse_features_ = register_module("coarse_features", activated(convolution(in, width, 3)));
  fine_features_ = register_module("fine_features", activated(convolution(in, width, 3)));
  coarse_gate_ = register_module("coarse_gate", gate(convolution(width, 1, 1)));
  fine_gate_ = register_module("fine_gate", gate(convolution(width, width, kernel)));
  output_ = register_module("output", activated(convolution(width, width, 3)));
}

torch::Tensor CrossAttentionImpl::forward(torch::Tensor const& coarse, torch::Tensor const& fine) {
  auto const a = coarse_features_->forward(coarse), b = fine_features_->forward(fine);
  return output_->forward(a * coarse_gate_->forward(b) + b * fine_gate_->forward(a));
}

BandCrossAttentionImpl::BandCrossAttentionImpl(int bands, int width) {
  for (int band = 0; band < bands; ++band)
    bands_.push_back(register_module("band" + std::to_string(band), CrossAttention(1, width / 2, 3)));
  merge_ = register_module("merge", activated(convolution(bands * (width / 2), width, 3)));
}

torch::Tensor BandCrossAttentionImpl::forward(torch::Tensor const& coarse, torch::Tensor const& fine) {
  std::vector<torch::Tensor> features;
  // The published code has the last band first.
  for (std::size_t i = bands_.size(); i-- > 0;) {
    auto const band = static_cast<std::int64_t>(i);
    features.push_back(bands_[i]->forward(coarse.narrow(1, band, 1), fine.narrow(1, band, 1)));
  }
  return merge_->forward(torch::cat(features, 1));
}

Cafe::Cafe(CafeOptions const& options)
    : info_{.name = "cafe",
            .title = "Cross-attention adaptive weighting fusion network",
            .citation = "Lin, Shen, Wu, Nan 2023, IEEE GRSL 20, 5001605",
            .evidence = Evidence::published_code,
            .form = NetworkForm::one_pair,
            .path = options.channel_gate ? InferencePath::scene_statistics : InferencePath::local,
            .bands = options.bands,
            .radius_px = 44} {
  int const n = options.width, bands = options.bands;
  difference_ = register_module("difference", Chain(activated(convolution(bands, n, 3)), DenseModule(options),
                                                    convolution(n, n, 3), torch::nn::Tanh()));
  fine_ = register_module("fine", activated(convolution(bands, n, 3)));
  target_bands_ = register_module("target_bands", BandCrossAttention(bands, n));
  reference_bands_ = register_module("reference_bands", BandCrossAttention(bands, n));
  target_features_ = register_module("target_features", Chain(DenseModule(options)));
  reference_features_ = register_module("reference_features", Chain(DenseModule(options)));
  joint_ = register_module("joint", CrossAttention(n, n, 1));
  target_weight_ = register_module("target_weight", activated(convolution(n, n, 3)));
  reference_weight_ = register_module("reference_weight", activated(convolution(n, n, 3)));
  output_ = register_module("output", Chain(DenseModule(options), convolution(n, bands, 3)));
  initialise(*this);
}

torch::Tensor Cafe::forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                            torch::Tensor const& coarse_target) {
  auto const difference = difference_->forward(coarse_target - coarse_reference);
  auto const fine = fine_->forward(fine_reference);
  auto const target = target_features_->forward(target_bands_->forward(coarse_target, fine_reference));
  auto const target_weight = target_weight_->forward(joint_->forward(target, fine) + fine);
  auto const reference =
      reference_features_->forward(reference_bands_->forward(coarse_reference, fine_reference));
  auto const reference_weight = reference_weight_->forward(joint_->forward(reference, fine) + fine);
  return output_->forward(target_weight * difference + reference_weight * difference);
}

torch::Tensor Cafe::predict(NetworkInput const& input) {
  return forward(input.coarse_before, input.fine_before, input.coarse_target);
}

NetworkEntry cafe_entry() {
  return {
      .summary =
          "dense blocks and attention between coarse and fine images weigh the features of the coarse change",
      .evidence = Evidence::published_code,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        return std::make_shared<Cafe>(
            CafeOptions{.bands = shape.bands,
                        .width = options.integer("width", 8, 1024),
                        .channel_gate = options.choice("gate", {"full", "spatial"}) == "full"});
      }};
}

}  // namespace stfcube::nn
