#include "stfcube/models/nn/networks/mlknet.hpp"

#include "stfcube/models/nn/layers/sizes.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"width", "32", "channels at full size; the halves have 2, quarters and eighths 4 times as many"},
    {"attention_levels", "4",
     "how many of the four sizes, the full one first, have large-kernel attention: 3 needs half the halo"},
};

// By the number of sizes with attention.
int const radii[] = {55, 55, 55, 71, 143};

torch::nn::Conv2d layer(int in, int out) {
  return convolution(in, out, 3, Padding::replicate);
}

/// Depthwise with the stride, 1x1 to the new width, 3x3.
Chain temporal_level(int in, int out, int stride) {
  using torch::nn::ReLU;
  return Chain(depthwise_convolution(in, 3, Padding::replicate, stride), convolution(in, out, 1), ReLU(),
               layer(out, out), ReLU());
}

torch::Tensor doubled(torch::Tensor const& map) {
  namespace functional = torch::nn::functional;
  return functional::interpolate(map, functional::InterpolateFuncOptions()
                                          .size(std::vector<std::int64_t>{2 * map.size(2), 2 * map.size(3)})
                                          .mode(torch::kBilinear)
                                          .align_corners(false));
}

}  // namespace

Mlknet::Mlknet(MlknetOptions const& options)
    : info_{.name = "mlknet",
            .title = "Multi-stage network with large-kernel attention",
            .citation = "Jiang, Qian, Yang, Liu 2024, IEEE JSTARS 17, 1257-1268",
            .evidence = Evidence::reading,
            .form = NetworkForm::one_pair,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = radii[options.attention_levels],
            .align_px = 8} {
  using torch::nn::ReLU;
  int const n = options.width, bands = options.bands;
  int const widths[] = {n, n, 2 * n, 4 * n, 4 * n};  // of what enters level 0, 1, .. and leaves the last
  temporal_head_ = register_module("temporal_head", Chain(layer(bands, n), ReLU()));
  fine_head_ = register_module("fine_head", Chain(layer(bands, n), ReLU()));
  for (int i = 0; i < 4; ++i) {
    int const in = widths[i], out = widths[i + 1], stride = i == 0 ? 1 : 2;
    int const below = i == 3 ? 0 : widths[i + 2];
    auto const name = [&](char const* part) { return part + std::to_string(i + 1); };
    Level level;
    level.temporal = register_module(name("temporal"), temporal_level(in, out, stride));
    level.fine = register_module(name("fine"),
                                 ResidualBlock(ResidualBlockOptions{.in = in, .out = out, .stride = stride}));
    if (i < options.attention_levels)
      level.attention = register_module(name("attention"), LargeKernelAttention(out));
    level.merge = register_module(name("merge"), layer(2 * out + below, out));
    levels_.push_back(level);
  }
  skip_ = register_module("skip", convolution(bands, n, 1));
  int const half = (n + 1) / 2;
  decoder_ = register_module("decoder",
                             Chain(layer(n, n), ReLU(), layer(n, half), ReLU(), convolution(half, bands, 1)));
}

torch::Tensor Mlknet::forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                              torch::Tensor const& coarse_target) {
  std::vector<torch::Tensor> stages;
  auto temporal = temporal_head_->forward(coarse_target - coarse_reference);
  auto fine = fine_head_->forward(fine_reference);
  for (auto& level : levels_) {
    temporal = level.temporal->forward(temporal);
    fine = torch::relu(level.fine->forward(fine));
    auto const attended = level.attention ? level.attention->forward(temporal) : temporal;
    stages.push_back(torch::cat({attended, fine}, 1));
  }
  torch::Tensor merged;
  for (std::size_t i = levels_.size(); i-- > 0;) {
    auto const joined = merged.defined() ? torch::cat({stages[i], doubled(merged)}, 1) : stages[i];
    merged = torch::relu(levels_[i].merge->forward(joined));
  }
  return decoder_->forward(merged + skip_->forward(fine_reference));
}

torch::Tensor Mlknet::predict(NetworkInput const& input) {
  auto const filled = [&](torch::Tensor const& image) { return filled_up(image, info_.align_px); };
  auto const prediction =
      forward(filled(input.coarse_before), filled(input.fine_before), filled(input.coarse_target));
  return cut_to(prediction, input.fine_before);
}

NetworkEntry mlknet_entry() {
  return {
      .summary =
          "features of the coarse change with large-kernel attention at four sizes meet those of the fine "
          "image",
      .evidence = Evidence::reading,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        return std::make_shared<Mlknet>(
            MlknetOptions{.bands = shape.bands,
                          .width = options.integer("width", 1, 1024),
                          .attention_levels = options.integer("attention_levels", 0, 4)});
      }};
}

}  // namespace stfcube::nn
