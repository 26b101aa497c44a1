#include "stfcube/models/nn/networks/stfdiff.hpp"

#include <array>
#include <cmath>
#include <utility>

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/layers/sizes.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::AnyModule;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::Linear;

constexpr int stride = 4, groups = 8;

std::vector<OptionSpec> const specs = {
    {"norm", "group",
     "group: statistics of eight groups of channels over the patch, as published | batch: constants learned "
     "in "
     "training, which make a step local"},
    {"pairs", "1", "reference pairs: 1, or 2 (then both sides of the target are needed)"},
    {"width", "64",
     "channels at full size, a multiple of 8; two and four times as many at half and quarter size"},
};

AnyModule norm_of(StfdiffNorm norm, int channels) {
  if (norm == StfdiffNorm::batch) return AnyModule(torch::nn::BatchNorm2d(channels));
  return AnyModule(torch::nn::GroupNorm(groups, channels));
}

Conv2d same_size(int in, int out) {
  return Conv2d(Conv2dOptions(in, out, 3).padding(1));
}

Conv2d halved(int in, int out) {
  return Conv2d(Conv2dOptions(in, out, 4).stride(2).padding(1));
}

Chain doubled(int in, int out) {
  return Chain(
      torch::nn::Upsample(
          torch::nn::UpsampleOptions().scale_factor(std::vector<double>{2, 2}).mode(torch::kNearest)),
      same_size(in, out));
}

/// Sines and cosines of the step at `channels` / 2 frequencies.
Tensor waves(Tensor const& step, int channels, Tensor const& like) {
  int const half = channels / 2;
  Tensor const frequencies =
      torch::exp(torch::arange(half, like.options()) * (-std::log(10000.0) / (half - 1)));
  Tensor const angles = step.to(like.options()).unsqueeze(1) * frequencies.unsqueeze(0);
  return torch::cat({angles.sin(), angles.cos()}, 1);
}

}  // namespace

StfdiffBlockImpl::StfdiffBlockImpl(int in, int out, int time_channels, StfdiffNorm norm) {
  if (time_channels > 0) {
    scale_and_shift_ =
        register_module("mlp", torch::nn::Sequential(torch::nn::SiLU(), Linear(time_channels, 2 * out)));
  }
  first_ = register_module("conv_1", StandardisedConvolution(Conv2dOptions(in, out, 3).padding(1)));
  first_norm_ = norm_of(norm, out);
  register_module("norm_1", first_norm_.ptr());
  second_ = register_module("conv_2", same_size(out, out));
  second_norm_ = norm_of(norm, out);
  register_module("norm_2", second_norm_.ptr());
  if (in != out) shortcut_ = register_module("res_conv", Conv2d(in, out, 1));
}

Tensor StfdiffBlockImpl::forward(Tensor const& input, Tensor const& time) {
  Tensor map = first_norm_.forward(first_->forward(input));
  if (scale_and_shift_) {
    auto const parts = scale_and_shift_->forward(time).unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
    map = map * (parts[0] + 1) + parts[1];
  }
  map = torch::silu(second_norm_.forward(second_->forward(torch::silu(map))));
  return map + (shortcut_ ? shortcut_->forward(input) : input);
}

Stfdiff::Stage Stfdiff::stage(std::string const& list, StfdiffBlock block, AnyModule resize) {
  torch::nn::ModuleList item;
  item->push_back(block.ptr());
  item->push_back(resize.ptr());
  if (!named_children().contains(list)) register_module(list, torch::nn::ModuleList());
  std::dynamic_pointer_cast<torch::nn::ModuleListImpl>(named_children()[list])->push_back(item.ptr());
  return {std::move(block), std::move(resize)};
}

Stfdiff::Stfdiff(StfdiffOptions const& options)
    : options_(options),
      info_{.name = "stfdiff",
            .title = "Spatiotemporal fusion with diffusion models",
            .citation = "Huang, He, Zhang, Xia, Zhang 2024, Information Fusion 111, 102505",
            .evidence = Evidence::published_code,
            .form = options.pairs == 2 ? NetworkForm::two_pairs : NetworkForm::one_pair,
            .path = InferencePath::diffusion,
            .bands = options.bands,
            .radius_px = 53,
            .align_px = stride,
            .scaling = "symmetric",
            .steps = 100} {
  int const n = options.width, bands = options.bands, time = 4 * n;
  auto const block = [&](int in, int out, int channels) {
    return StfdiffBlock(in, out, channels, options.norm);
  };
  describe_step_ = register_module("time_mlp", torch::nn::Sequential(torch::nn::Identity(), Linear(n, time),
                                                                     torch::nn::GELU(), Linear(time, time)));
  register_module("init_conv", same_size(bands, n));  // published weights have it; nothing reads it
  fine_head_ = register_module("fine_init_conv", same_size(options.pairs * bands, n));
  coarse_head_ = register_module("coarse_init_conv", same_size((options.pairs + 1) * bands, n));
  noisy_head_ = register_module("noisy_init_conv", same_size(bands, n));
  clean_head_ = register_module("clean_init_conv", Conv2d(2 * n, n, 1));
  std::array<int, 4> const widths = {n, n, 2 * n, 4 * n};
  for (int level = 0; level < 3; ++level) {
    int const in = widths[level], out = widths[level + 1];
    auto const resize = [&] { return AnyModule(level < 2 ? halved(in, out) : same_size(in, out)); };
    clean_downs_.push_back(stage("clean_downs", block(in, in, 0), resize()));
    noisy_downs_.push_back(stage("noisy_downs", block(in, in, time), resize()));
  }
  for (int level = 2; level >= 0; --level) {
    int const in = widths[level + 1], out = widths[level];
    auto const resize = level > 0 ? AnyModule(doubled(in, out)) : AnyModule(same_size(in, out));
    ups_.push_back(stage("noise_ups", block(in + out, in, time), resize));
  }
  clean_middle_ = register_module("clean_mid_block", block(4 * n, 4 * n, 0));
  noisy_middle_ = register_module("noisy_mid_block", block(4 * n, 4 * n, time));
  last_block_ = register_module("final_res_block", block(2 * n, n, time));
  last_ = register_module("final_conv", Conv2d(n, bands, 1));
}

Tensor Stfdiff::forward(Tensor const& coarse, Tensor const& fine, Tensor const& noisy, Tensor const& step) {
  Tensor const time = describe_step_->forward(waves(step, options_.width, noisy));
  Tensor clean =
      clean_head_->forward(torch::cat({fine_head_->forward(fine), coarse_head_->forward(coarse)}, 1));
  Tensor image = noisy_head_->forward(noisy);
  Tensor const first = image - clean;
  std::vector<Tensor> differences;
  for (std::size_t level = 0; level < clean_downs_.size(); ++level) {
    clean = clean_downs_[level].block->forward(clean, {});
    image = noisy_downs_[level].block->forward(image, time);
    differences.push_back(image - clean);
    clean = clean_downs_[level].resize.forward(clean);
    image = noisy_downs_[level].resize.forward(image);
  }
  Tensor noise = noisy_middle_->forward(image, time) - clean_middle_->forward(clean, {});
  for (auto& up : ups_) {
    noise = up.block->forward(torch::cat({noise, differences.back()}, 1), time);
    noise = up.resize.forward(noise);
    differences.pop_back();
  }
  return last_->forward(last_block_->forward(torch::cat({noise, first}, 1), time));
}

Tensor Stfdiff::predict(NetworkInput const& input) {
  bool const two = options_.pairs == 2;
  Tensor const coarse = two ? torch::cat({input.coarse_before, input.coarse_target, input.coarse_after}, 1)
                            : torch::cat({input.coarse_before, input.coarse_target}, 1);
  Tensor const fine = two ? torch::cat({input.fine_before, input.fine_after}, 1) : input.fine_before;
  auto const enlarged = [](Tensor const& image) { return filled_up(image, stride); };
  return cut_to(forward(enlarged(coarse), enlarged(fine), enlarged(input.noisy), input.step), input.noisy);
}

NetworkEntry stfdiff_entry() {
  return {.summary =
              "diffusion: from noise to the image in steps, guided by a pair and the coarse image of the "
              "target date",
          .evidence = Evidence::published_code,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            int const width = options.integer("width", 8, 1024);
            require(width % groups == 0, ErrorKind::config,
                    "stfdiff.width = " + std::to_string(width) +
                        " is no multiple of 8, the number of its groups.");
            return std::make_shared<Stfdiff>(StfdiffOptions{
                .bands = shape.bands,
                .width = width,
                .pairs = options.integer("pairs", 1, 2),
                .norm = options.choice("norm", {"group", "batch"}) == "batch" ? StfdiffNorm::batch
                                                                              : StfdiffNorm::group});
          },
          .samples = true};
}

}  // namespace stfcube::nn
