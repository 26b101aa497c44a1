#include "stfcube/models/nn/networks/swinstfm.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::LayerNorm;
using torch::nn::LayerNormOptions;
using torch::nn::Linear;

constexpr int window = 8, mlp_ratio = 1;

std::vector<OptionSpec> const specs = {
    {"fusion", "published",
     "published: as the authors' code computes it, for weights that were trained with it | plain: without "
     "its "
     "slips"},
    {"patch", "256", "side of a patch, px: 32, 64, 128 or a multiple of 256"},
    {"width", "64", "channels at half size, even; up to eight times as many at smaller sizes"},
};

LayerNorm norm_of(int channels) {
  return LayerNorm(LayerNormOptions({channels}));
}

/// Channels of level 0 (half size) to 4 (1/32).
int channels_of(SwinstfmOptions const& options, int level) {
  return options.width << std::min(level, 3);
}
int side_of(SwinstfmOptions const& options, int level) {
  return options.patch / 2 >> level;
}
int heads_of(SwinstfmOptions const& options, int channels) {
  return 2 * channels / options.width;
}

SwinLayer swin_layer(SwinstfmOptions const& options, int side, int channels, int depth) {
  return SwinLayer(SwinLayerImpl::Options{.side = side,
                                          .channels = channels,
                                          .heads = heads_of(options, channels),
                                          .depth = depth,
                                          .window = window,
                                          .mlp_ratio = mlp_ratio});
}

/// What the fusion reads at one level: the change of the coarse features and the normalised features of the
/// three images.
struct LevelFeatures {
  Tensor change, coarse_reference, fine_reference, coarse_target;
};

/// The change goes where a token resembles another one both between coarse and fine features of the reference
/// and between coarse features of the two dates.
class FusionAttention : public torch::nn::Module {
 public:
  FusionAttention(SwinWindows const& windows, int channels, int heads, SwinstfmFusion fusion)
      : windows_(windows), heads_(heads), fusion_(fusion) {
    bias_table_ =
        register_parameter("relative_position_bias_table", torch::randn({windows.places(), heads}) * 0.02);
    auto const linear = [&](char const* name) { return register_module(name, Linear(channels, channels)); };
    reference_query_ = linear("q");
    reference_key_ = linear("k");
    time_query_ = linear("q2");
    time_key_ = linear("k2");
    value_ = linear("v");
    projection_ = linear("proj");
  }

  Tensor forward(LevelFeatures const& level) {
    auto const in_windows = [&](Linear& linear, Tensor const& map) {
      return by_head(linear->forward(windows_.split(map)), heads_);
    };
    Tensor const alike = attention(in_windows(reference_query_, level.coarse_reference),
                                   in_windows(reference_key_, level.fine_reference));
    Tensor const lasting = attention(in_windows(time_query_, level.coarse_reference),
                                     in_windows(time_key_, level.coarse_target));
    Tensor const both = alike * lasting + 1e-6;
    bool const by_column = fusion_ == SwinstfmFusion::published && !windows_.shifted();
    Tensor const weights = both / both.sum(by_column ? -2 : -1, true);
    Tensor const mixed = in_order(torch::matmul(weights, in_windows(value_, level.change)));
    return windows_.join(projection_->forward(mixed));
  }

 private:
  Tensor attention(Tensor const& query, Tensor const& key) const {
    double const scale = 1 / std::sqrt(static_cast<double>(query.size(-1)));
    return windows_.logits(query * scale, key, bias_table_).softmax(-1);
  }

  /// [windows, heads, tokens, d] -> [windows, tokens, heads * d]. The published code leaves the heads of a
  /// patch in front of its windows and reads the memory as if they were not.
  Tensor in_order(Tensor const& mixed) const {
    if (fusion_ == SwinstfmFusion::plain) return mixed.transpose(1, 2).flatten(2);
    auto const heads = mixed.size(1), tokens = mixed.size(2), depth = mixed.size(3);
    return mixed.reshape({-1, windows_.count(), heads, tokens, depth})
        .transpose(1, 2)
        .reshape({-1, tokens, heads * depth});
  }

  SwinWindows windows_;
  int heads_;
  SwinstfmFusion fusion_;
  Tensor bias_table_;
  Linear reference_query_{nullptr}, reference_key_{nullptr}, time_query_{nullptr}, time_key_{nullptr},
      value_{nullptr}, projection_{nullptr};
};

class FusionBlock : public torch::nn::Module {
 public:
  FusionBlock(SwinWindows const& windows, int channels, int heads, SwinstfmFusion fusion) {
    norm_ = register_module("norm1", norm_of(channels));
    attention_ = register_module("attn", std::make_shared<FusionAttention>(windows, channels, heads, fusion));
    mlp_norm_ = register_module("norm3", norm_of(channels));
    mlp_ = register_module("mlp", SwinMlp(channels, mlp_ratio * channels));
  }

  Tensor forward(LevelFeatures level) {
    Tensor const change = level.change;
    level.change = norm_->forward(change);
    Tensor const attended = change + attention_->forward(level);
    return attended + mlp_->forward(mlp_norm_->forward(attended));
  }

 private:
  LayerNorm norm_{nullptr}, mlp_norm_{nullptr};
  std::shared_ptr<FusionAttention> attention_;
  SwinMlp mlp_{nullptr};
};

/// The features of the target date at one level: those of the fine reference, changed.
class FusionLayer : public torch::nn::Module {
 public:
  FusionLayer(SwinstfmOptions const& options, int level, int depth) {
    int const channels = channels_of(options, level), side = side_of(options, level);
    auto const blocks = register_module("blocks", torch::nn::ModuleList());
    for (int i = 0; i < depth; ++i) {
      blocks_.push_back(std::make_shared<FusionBlock>(SwinWindows(side, window, i % 2 == 1), channels,
                                                      heads_of(options, channels), options.fusion));
      blocks->push_back(blocks_.back());
    }
    coarse_reference_norm_ = register_module("norm1", norm_of(channels));
    fine_reference_norm_ = register_module("norm2", norm_of(channels));
    coarse_target_norm_ = register_module("norm3", norm_of(channels));
  }

  Tensor forward(LevelFeatures const& features) {
    LevelFeatures level{features.change, coarse_reference_norm_->forward(features.coarse_reference),
                        fine_reference_norm_->forward(features.fine_reference),
                        coarse_target_norm_->forward(features.coarse_target)};
    for (auto const& block : blocks_) level.change = block->forward(level);
    return level.change + features.fine_reference;
  }

 private:
  std::vector<std::shared_ptr<FusionBlock>> blocks_;
  LayerNorm coarse_reference_norm_{nullptr}, fine_reference_norm_{nullptr}, coarse_target_norm_{nullptr};
};

/// From one level to the next larger one.
class DecoderStep : public torch::nn::Module {
 public:
  DecoderStep(SwinstfmOptions const& options, int level, int out, int depth)
      : side_(side_of(options, level)) {
    int const in = channels_of(options, level);
    enlarge_ =
        register_module("up", torch::nn::Sequential(convolution(in, 4 * in, 3), torch::nn::PixelShuffle(2)));
    fusion_ = register_module("layer", std::make_shared<FusionLayer>(options, level, 2));
    layer_ = register_module("layer2", swin_layer(options, side_, out, depth));
    join_ = register_module("proj1", Linear(3 * in, out));
  }

  Tensor forward(Tensor const& tokens, LevelFeatures const& level) {
    Tensor const enlarged = tokens_of(enlarge_->forward(map_of(tokens, side_ / 2)));
    return layer_->forward(
        join_->forward(torch::cat({level.coarse_target, fusion_->forward(level), enlarged}, -1)));
  }

 private:
  int side_;
  torch::nn::Sequential enlarge_{nullptr};
  std::shared_ptr<FusionLayer> fusion_;
  SwinLayer layer_{nullptr};
  Linear join_{nullptr};
};

}  // namespace

class SwinstfmEncoderImpl::Start : public torch::nn::Module {
 public:
  explicit Start(SwinstfmOptions const& options) {
    projection_ = register_module("proj", Conv2d(Conv2dOptions(options.bands, options.width, 2).stride(2)));
    norm_ = register_module("norm", norm_of(options.width));
  }
  Tensor forward(Tensor const& image) { return norm_->forward(tokens_of(projection_->forward(image))); }

 private:
  Conv2d projection_{nullptr};
  LayerNorm norm_{nullptr};
};

class SwinstfmEncoderImpl::Stage : public torch::nn::Module {
 public:
  Stage(SwinstfmOptions const& options, int level, int depth) {
    int const side = side_of(options, level), channels = channels_of(options, level);
    layer_ = register_module("layer", swin_layer(options, side, channels, depth));
    merge_ = register_module("downsample", PatchMerging(side, channels, channels_of(options, level + 1)));
  }
  Tensor forward(Tensor const& tokens) { return merge_->forward(layer_->forward(tokens)); }

 private:
  SwinLayer layer_{nullptr};
  PatchMerging merge_{nullptr};
};

SwinstfmEncoderImpl::SwinstfmEncoderImpl(SwinstfmOptions const& options) {
  start_ = register_module("inc", std::make_shared<Start>(options));
  std::array<int, 4> const depths = {2, 2, 6, 2};
  for (int level = 0; level < 4; ++level) {
    stages_[level] = register_module("down" + std::to_string(level + 1),
                                     std::make_shared<Stage>(options, level, depths[level]));
  }
}

std::array<Tensor, 5> SwinstfmEncoderImpl::forward(Tensor const& image) {
  std::array<Tensor, 5> maps;
  maps[0] = start_->forward(image);
  for (int level = 0; level < 4; ++level) maps[level + 1] = stages_[level]->forward(maps[level]);
  return maps;
}

class Swinstfm::Decoder : public torch::nn::Module {
 public:
  explicit Decoder(SwinstfmOptions const& options) : side_(side_of(options, 0)) {
    int const n = options.width;
    bottleneck_ = register_module("layer", std::make_shared<FusionLayer>(options, 4, 1));
    std::array<int, 4> const widths = {4 * n, 2 * n, n, n}, depths = {2, 6, 2, 2};
    for (int step = 0; step < 4; ++step) {
      steps_[step] =
          register_module("up" + std::to_string(step + 1),
                          std::make_shared<DecoderStep>(options, 3 - step, widths[step], depths[step]));
    }
    last_ =
        register_module("outc", torch::nn::Sequential(convolution(n, 4 * n, 3), torch::nn::PixelShuffle(2),
                                                      convolution(n, options.bands, 3), torch::nn::Tanh()));
  }

  Tensor forward(std::array<LevelFeatures, 5> const& levels) {
    Tensor tokens = bottleneck_->forward(levels[4]);
    for (int step = 0; step < 4; ++step) tokens = steps_[step]->forward(tokens, levels[3 - step]);
    return last_->forward(map_of(tokens, side_));
  }

 private:
  int side_;
  std::shared_ptr<FusionLayer> bottleneck_;
  std::array<std::shared_ptr<DecoderStep>, 4> steps_;
  torch::nn::Sequential last_{nullptr};
};

Swinstfm::Swinstfm(SwinstfmOptions const& options)
    : info_{.name = "swinstfm",
            .title = "Spatiotemporal fusion by a Swin transformer",
            .citation = "Chen, Jiao, Hu, Xiao, Ye 2022, IEEE TGRS 60",
            .evidence = Evidence::published_code,
            .form = NetworkForm::one_pair,
            .path = InferencePath::lattice,
            .bands = options.bands,
            .radius_px = options.patch - 1,
            .patch_px = options.patch,
            .stride_px = options.patch / 2,
            .scaling = "symmetric"} {
  coarse_encoder_ = register_module("coarse_down", SwinstfmEncoder(options));
  fine_encoder_ = register_module("fine_down", SwinstfmEncoder(options));
  decoder_ = register_module("fine_up", std::make_shared<Decoder>(options));
}

Tensor Swinstfm::forward(Tensor const& coarse_reference, Tensor const& fine_reference,
                         Tensor const& coarse_target) {
  for (int const axis : {-2, -1}) {
    require(fine_reference.size(axis) == info_.patch_px, ErrorKind::model,
            "swinstfm works on patches of " + std::to_string(info_.patch_px) + " pixels, not of " +
                std::to_string(fine_reference.size(axis)) + ": see its option patch.");
  }
  auto const reference = coarse_encoder_->forward(coarse_reference);
  auto const fine = fine_encoder_->forward(fine_reference);
  auto const target = coarse_encoder_->forward(coarse_target);
  std::array<LevelFeatures, 5> levels;
  for (int i = 0; i < 5; ++i) levels[i] = {target[i] - reference[i], reference[i], fine[i], target[i]};
  return decoder_->forward(levels);
}

Tensor Swinstfm::predict(NetworkInput const& input) {
  return forward(input.coarse_before, input.fine_before, input.coarse_target);
}

NetworkEntry swinstfm_entry() {
  return {
      .summary =
          "Swin transformer; moves the change of coarse features to fine ones by two attentions at once",
      .evidence = Evidence::published_code,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        int const patch = options.integer("patch", 32, 4096), width = options.integer("width", 2, 512);
        require(
            patch == 32 || patch == 64 || patch == 128 || patch % 256 == 0, ErrorKind::config,
            "swinstfm.patch = " + std::to_string(patch) +
                " does not fit windows of 8 tokens at all scales: give 32, 64, 128 or a multiple of 256.");
        require(
            width % 2 == 0, ErrorKind::config,
            "swinstfm.width = " + std::to_string(width) + " is odd: its attention has two heads or more.");
        return std::make_shared<Swinstfm>(
            SwinstfmOptions{.bands = shape.bands,
                            .width = width,
                            .patch = patch,
                            .fusion = options.choice("fusion", {"published", "plain"}) == "plain"
                                          ? SwinstfmFusion::plain
                                          : SwinstfmFusion::published});
      }};
}

}  // namespace stfcube::nn
