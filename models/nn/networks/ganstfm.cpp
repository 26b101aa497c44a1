#include "stfcube/models/nn/networks/ganstfm.hpp"

#include <algorithm>

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/residual_discriminator.hpp"
#include "stfcube/models/nn/layers/switch_normalisation.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::Conv2d;
using torch::nn::LeakyReLU;

std::vector<OptionSpec> const specs = {
    {"norm", "switch",
     "switch: as published, statistics of the whole scene from passes before the prediction; batch: local, "
     "any tiling is exact (GAN-STFM-F)"},
    {"width", "16", "channels after the first level; doubled by each of the next three"},
};

void push_normalisation(Chain& chain, int channels, bool switchable) {
  if (switchable)
    chain->push_back(SwitchNormalisation(channels));
  else
    chain->push_back(torch::nn::BatchNorm2d(channels));
}

class DecoderBlockImpl : public torch::nn::Module {
 public:
  DecoderBlockImpl(int in, int out) {
    int const least = std::min(in, out);
    residual_ = register_module("residual",
                                Chain(replicated_convolution(in, least), LeakyReLU(), Conv2d(least, out, 1)));
    transform_ = register_module("transform", Conv2d(in, out, 1));
  }

  Tensor forward(Tensor const& map) { return residual_->forward(map) + transform_->forward(map); }

 private:
  Chain residual_{nullptr};
  Conv2d transform_{nullptr};
};
TORCH_MODULE(DecoderBlock);

}  // namespace

DualStreamImpl::DualStreamImpl(int in, int out, bool switchable) {
  int const least = std::min(in, out);
  Chain residual;
  push_normalisation(residual, in, switchable);
  residual->push_back(LeakyReLU());
  residual->push_back(replicated_convolution(in, least));
  push_normalisation(residual, least, switchable);
  residual->push_back(LeakyReLU());
  residual->push_back(Conv2d(least, out, 1));
  residual_ = register_module("residual", residual);
  transform_ = register_module("transform",
                               Chain(replicated_convolution(in, least), Conv2d(least, out, 1), LeakyReLU()));
}

std::pair<Tensor, Tensor> DualStreamImpl::forward(Tensor const& coarse, Tensor const& fine) {
  Tensor const lateral = transform_->forward(coarse);
  return {lateral, residual_->forward(fine) + lateral};
}

Ganstfm::Ganstfm(GanstfmOptions const& options)
    : info_{.name = "ganstfm",
            .title = "Flexible reference-insensitive fusion model with a conditional GAN",
            .citation = "Tan, Gao, Li, Jiang 2022, IEEE TGRS 60, 5601413",
            .evidence = Evidence::published_code,
            .form = NetworkForm::fine_and_target,
            .path = options.switchable ? InferencePath::scene_statistics : InferencePath::local,
            .bands = options.bands,
            .radius_px = 8} {
  int const n = options.width;
  torch::nn::ModuleList encoder;
  int in = options.bands;
  for (int const out : {n, 2 * n, 4 * n, 8 * n}) {
    encoder_.emplace_back(in, out, options.switchable);
    encoder->push_back(encoder_.back());
    in = out;
  }
  register_module("encoder", encoder);
  decoder_ = register_module(
      "decoder", Chain(DecoderBlock(16 * n, 8 * n), DecoderBlock(8 * n, 4 * n), DecoderBlock(4 * n, 2 * n),
                       DecoderBlock(2 * n, n), Conv2d(n, options.bands, 1)));
}

Tensor Ganstfm::forward(Tensor const& coarse_target, Tensor const& fine_reference) {
  std::pair<Tensor, Tensor> streams{coarse_target, fine_reference};
  for (auto& level : encoder_) streams = level->forward(streams.first, streams.second);
  return decoder_->forward(torch::cat({streams.first, streams.second}, 1));
}

Tensor Ganstfm::predict(NetworkInput const& input) {
  return forward(input.coarse_target, input.fine_before);
}

std::shared_ptr<Discriminator> Ganstfm::make_discriminator() const {
  return std::make_shared<ResidualDiscriminator>(
      ResidualDiscriminatorOptions{.bands = info_.bands,
                                   .widths = {{32, 32, 64, 64, 128, 128, 256, 256},
                                              {32, 64, 64, 128, 128, 256, 256},
                                              {32, 64, 128, 128, 256, 256}}});
}

NetworkEntry ganstfm_entry() {
  return {.summary = "two streams of 3x3 convolutions; needs no coarse image of the reference date",
          .evidence = Evidence::published_code,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Ganstfm>(
                GanstfmOptions{.bands = shape.bands,
                               .width = options.integer("width", 1, 1024),
                               .switchable = options.choice("norm", {"switch", "batch"}) == "switch"});
          }};
}

}  // namespace stfcube::nn
