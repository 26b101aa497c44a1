#include "stfcube/models/nn/networks/mlffgan.hpp"

#include <utility>

#include "stfcube/models/nn/layers/map_statistics.hpp"
#include "stfcube/models/nn/layers/sizes.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::BatchNorm2d;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::LeakyReLU;
using torch::nn::LeakyReLUOptions;

constexpr int stride = 16, least_side = 32;

std::vector<OptionSpec> const specs = {
    {"width", "16", "channels of the first of five levels; each next level has twice as many"},
};

struct Moments {
  Tensor mean, deviation;
};

/// Of the patch, or of the scene where its statistics are in use.
Moments moments(Tensor const& map) {
  MapStatistics const statistics = map_statistics(map, Wanted::mean_and_variance);
  return {statistics.mean, (statistics.unbiased_variance() + 1e-5).sqrt()};
}

/// `content` with mean and deviation of `style`, of each channel over the whole map.
Tensor restyled(Tensor const& content, Tensor const& style) {
  auto const from = moments(content), to = moments(style);
  return (content - from.mean) / from.deviation * to.deviation + to.mean;
}

Chain normalised(int in, int out) {
  return Chain(Conv2d(in, out, 1), BatchNorm2d(out));
}

}  // namespace

MlffganResidualImpl::MlffganResidualImpl(int channels) {
  using torch::nn::Dropout;
  using torch::nn::ReflectionPad2d;
  residual_ = register_module(
      "residual", Chain(ReflectionPad2d(1), Conv2d(channels, channels, 3), Dropout(0.5), LeakyReLU(),
                        ReflectionPad2d(1), Conv2d(channels, channels, 3), Dropout(0.5)));
}

MlffganEnlargeImpl::MlffganEnlargeImpl(int in, int out) {
  deconvolution_ = register_module(
      "deconv",
      torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(in, out, 4).stride(2).padding(1)));
}

MlffganEncoderImpl::MlffganEncoderImpl(int bands, int width) {
  for (int level = 0; level < levels; ++level) {
    int const out = width << level;
    Conv2d first = level == 0 ? Conv2d(Conv2dOptions(bands, out, 7).padding(3))
                              : Conv2d(Conv2dOptions(out / 2, out, 3).stride(2).padding(1));
    steps_[level] = register_module("conv" + std::to_string(level + 1), Chain(first, MlffganResidual(out)));
  }
}

std::array<Tensor, MlffganEncoderImpl::levels> MlffganEncoderImpl::forward(Tensor const& image) {
  std::array<Tensor, levels> maps;
  Tensor map = image;
  for (int level = 0; level < levels; ++level) maps[level] = map = steps_[level]->forward(map);
  return maps;
}

MlffganMaskImpl::MlffganMaskImpl(int channels) {
  target_ = register_module("conv1", normalised(channels, channels));
  reference_ = register_module("conv2", normalised(channels, channels));
  difference_ = register_module("conv", normalised(channels, 1));
}

Tensor MlffganMaskImpl::forward(Tensor const& target, Tensor const& reference) {
  return torch::sigmoid(difference_->forward(target_->forward(target) - reference_->forward(reference)));
}

Mlffgan::Mlffgan(MlffganOptions const& options)
    : info_{.name = "mlffgan",
            .title = "Multilevel feature fusion with a generative adversarial network",
            .citation = "Song, Liu, Li, Wang, Zhang, He, Chen, Liu 2022, IEEE TGRS 60",
            .evidence = Evidence::published_code,
            .form = NetworkForm::one_pair,
            .path = InferencePath::scene_statistics,
            .bands = options.bands,
            .radius_px = 144,
            .align_px = stride} {
  int const n = options.width, bands = options.bands;
  coarse_encoder_ = register_module("LSNet", MlffganEncoder(bands, n));
  fine_encoder_ = register_module("HSNet", MlffganEncoder(bands, n));
  masks_ = register_module("SignE_List", torch::nn::ModuleList());
  for (int level = 0; level < MlffganEncoderImpl::levels; ++level) masks_->push_back(MlffganMask(n << level));
  int in = 2 * (n << 4), out = n << 3;
  for (int step = 0; step < 4; ++step, in /= 2, out /= 2) {
    decoder_[step] = register_module("conv" + std::to_string(step + 1),
                                     Chain(MlffganEnlarge(in, out), MlffganResidual(out)));
  }
  decoder_[4] = register_module(
      "conv5", Chain(MlffganResidual(2 * n), Conv2d(2 * n, n, 1), MlffganResidual(n), Conv2d(n, bands, 1)));
}

Tensor Mlffgan::forward(Tensor const& coarse_reference, Tensor const& fine_reference,
                        Tensor const& coarse_target) {
  auto fine = fine_encoder_->forward(fine_reference);
  auto const target = coarse_encoder_->forward(coarse_target);
  // All statistics before the rest: a pass that gathers them ends here.
  for (std::size_t level = 0; level < fine.size(); ++level)
    fine[level] = restyled(fine[level], target[level]);
  auto const reference = coarse_encoder_->forward(coarse_reference);
  Tensor decoded = target.back();
  for (int step = 0; step < 5; ++step) {
    int const level = 4 - step;
    Tensor const share = masks_->ptr<MlffganMaskImpl>(level)->forward(target[level], reference[level]);
    Tensor const fused = target[level] * share + fine[level] * (1 - share);
    decoded = decoder_[step]->forward(torch::cat({fused, decoded}, 1));
  }
  return decoded;
}

Tensor Mlffgan::predict(NetworkInput const& input) {
  auto const enlarged = [](Tensor const& image) { return filled_up(image, stride, least_side); };
  Tensor const predicted =
      forward(enlarged(input.coarse_before), enlarged(input.fine_before), enlarged(input.coarse_target));
  return cut_to(predicted, input.coarse_target);
}

std::shared_ptr<Discriminator> Mlffgan::make_discriminator() const {
  return std::make_shared<MlffganDiscriminator>(info_.bands);
}

MlffganDiscriminator::MlffganDiscriminator(int bands) {
  auto const conv = [](int in, int out, int step) {
    return Conv2d(Conv2dOptions(in, out, 4).stride(step).padding(2));
  };
  auto const leaky = [] { return LeakyReLU(LeakyReLUOptions().negative_slope(0.2)); };
  layers_ =
      register_module("layers", Chain(conv(2 * bands, 64, 2), leaky(), conv(64, 128, 2), BatchNorm2d(128),
                                      leaky(), conv(128, 256, 2), BatchNorm2d(256), leaky(),
                                      conv(256, 512, 1), BatchNorm2d(512), leaky(), conv(512, 1, 1)));
}

Tensor MlffganDiscriminator::judge(Tensor const& image, NetworkInput const& input) {
  return layers_->forward(torch::cat({image, input.coarse_target}, 1));
}

NetworkEntry mlffgan_entry() {
  return {.summary =
              "features at five levels; the fine ones take mean and deviation of the coarse ones of the "
              "target date",
          .evidence = Evidence::published_code,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Mlffgan>(
                MlffganOptions{.bands = shape.bands, .width = options.integer("width", 1, 512)});
          }};
}

}  // namespace stfcube::nn
