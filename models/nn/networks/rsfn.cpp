#include "stfcube/models/nn/networks/rsfn.hpp"

#include <algorithm>

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/map_statistics.hpp"
#include "stfcube/models/nn/layers/residual_discriminator.hpp"
#include "stfcube/models/nn/layers/resize.hpp"
#include "stfcube/models/nn/layers/sizes.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::Conv2d;

constexpr int align = 8;

std::vector<OptionSpec> const specs = {
    {"norm", "instance",
     "normalisation of the attention: instance: as published, over the whole scene (42 passes before the "
     "prediction); batch: local, any tiling is exact (RSFN-B)"},
    {"width", "16", "channels after the first block; the next ones have two and four times as many"},
};

enum class Scheme { none, instance, batch };
enum class Size { same, halved, doubled };

/// Normalises, without parameters unless by batch.
class NormImpl : public torch::nn::Module {
 public:
  NormImpl(Scheme scheme, int channels) : scheme_(scheme) {
    if (scheme == Scheme::batch) batch_ = register_module("batch", torch::nn::BatchNorm2d(channels));
  }

  Tensor forward(Tensor const& map) {
    if (scheme_ == Scheme::none) return map;
    return scheme_ == Scheme::batch ? batch_(map) : standardised(map);
  }

 private:
  Scheme scheme_;
  torch::nn::BatchNorm2d batch_{nullptr};
};
TORCH_MODULE(Norm);

/// A 3x3 and a 1x1 convolution beside a 1x1 convolution, at the same, half or twice the size.
class ResidualImpl : public torch::nn::Module {
 public:
  ResidualImpl(int in, int out, Size size = Size::same, Scheme scheme = Scheme::none) : size_(size) {
    int const least = std::min(in, out);
    trunk_ = register_module(
        "trunk", Chain(replicated_convolution(in, least, size == Size::halved ? 2 : 1), Norm(scheme, least),
                       torch::nn::LeakyReLU(), Conv2d(least, out, 1), Norm(scheme, out)));
    shortcut_ = register_module("shortcut", Chain(Conv2d(in, out, 1), Norm(scheme, out)));
  }

  Tensor forward(Tensor const& map) {
    Tensor const input = size_ == Size::doubled ? enlarged(map, 2) : map;
    Tensor const trunk = trunk_->forward(input);
    Tensor const shortcut = shortcut_->forward(input);
    return trunk + (size_ == Size::halved ? resized(shortcut, trunk.size(2), trunk.size(3)) : shortcut);
  }

 private:
  Size size_;
  Chain trunk_{nullptr}, shortcut_{nullptr};
};
TORCH_MODULE(Residual);

}  // namespace

Rsfn::Rsfn(RsfnOptions const& options)
    : info_{.name = "rsfn",
            .title = "Robust spatiotemporal fusion network",
            .citation = "Tan, Gao, Yuan, Jiang, Duan 2022, IEEE TGRS 60, 5529117",
            .evidence = Evidence::published_code,
            .form = NetworkForm::two_pairs,
            .path = options.instance ? InferencePath::scene_statistics : InferencePath::local,
            .bands = options.bands,
            .radius_px = 33,
            .align_px = align,
            .one_sided = true} {
  int const n = options.width, bands = options.bands;
  Scheme const norm = options.instance ? Scheme::instance : Scheme::batch;
  fine_encoder_ = register_module(
      "fine_encoder", Chain(Residual(bands, n), Residual(n, 2 * n), Residual(2 * n, 4 * n, Size::doubled)));
  coarse_encoder_ = register_module("coarse_encoder",
                                    Chain(Residual(bands, n), Residual(n, 2 * n), Residual(2 * n, 4 * n)));
  attention_ = register_module(
      "attention",
      Chain(Residual(2 * bands, n, Size::halved, norm), Residual(n, 2 * n, Size::halved, norm),
            Residual(2 * n, 4 * n, Size::halved, norm), Residual(4 * n, 4 * n, Size::doubled, norm),
            Residual(4 * n, 2 * n, Size::doubled, norm), Residual(2 * n, n, Size::doubled, norm),
            Residual(n, 1, Size::doubled, norm)));
  tweak_ = register_module("tweak", Chain(Residual(4 * n, 4 * n, Size::halved)));
  decoder_ = register_module("decoder", Chain(Residual(8 * n, 4 * n), Residual(4 * n, 2 * n),
                                              Residual(2 * n, n), Conv2d(n, bands, 1)));
}

Tensor Rsfn::fitness(Tensor const& fine, Tensor const& coarse_target) {
  return attention_->forward(torch::cat({fine, coarse_target}, 1)).sigmoid();
}

Tensor Rsfn::forward(Tensor const& fine_before, Tensor const& fine_after, Tensor const& coarse_target) {
  // First what asks for statistics, always in this order: passes that gather them end here.
  Tensor const before = fitness(fine_before, coarse_target);
  Tensor const after = fitness(fine_after, coarse_target);
  Tensor const reference =
      fine_encoder_->forward(fine_before) * before + fine_encoder_->forward(fine_after) * after;
  return decoder_->forward(
      torch::cat({tweak_->forward(reference), coarse_encoder_->forward(coarse_target)}, 1));
}

Tensor Rsfn::predict(NetworkInput const& input) {
  Tensor const image = forward(filled_up(input.fine_before, align), filled_up(input.fine_after, align),
                               filled_up(input.coarse_target, align));
  return cut_to(image, input.coarse_target);
}

std::shared_ptr<Discriminator> Rsfn::make_discriminator() const {
  return std::make_shared<ResidualDiscriminator>(ResidualDiscriminatorOptions{
      .bands = info_.bands, .widths = {{64, 64, 128, 128, 256, 256}}, .pooling = true});
}

NetworkEntry rsfn_entry() {
  return {
      .summary = "an attention takes what is fit from two fine images, clouds or not; no coarse references",
      .evidence = Evidence::published_code,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        return std::make_shared<Rsfn>(
            RsfnOptions{.bands = shape.bands,
                        .width = options.integer("width", 1, 1024),
                        .instance = options.choice("norm", {"instance", "batch"}) == "instance"});
      }};
}

}  // namespace stfcube::nn
