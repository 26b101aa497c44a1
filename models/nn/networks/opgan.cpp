#include "stfcube/models/nn/networks/opgan.hpp"

#include "stfcube/models/nn/layers/image_discriminator.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::BatchNorm2d;
using torch::nn::ReLU;

constexpr int change_blocks = 8, sensor_blocks = 4, base_blocks = 2;

std::vector<OptionSpec> const specs = {
    {"padding", "zeros",
     "beyond the edge of the scene: zeros: as published (a reflectance of 0.5); replicate: needs weights "
     "trained with it"},
    {"width", "64", "channels of all layers; stfcube's fast variant OPGAN-S has 32"},
    {"kernel", "9", "side of the first and last convolutions, odd; OPGAN-S has 5"},
};

/// Two normalised convolutions and what entered them.
class PlainBlockImpl : public torch::nn::Module {
 public:
  PlainBlockImpl(int channels, Padding padding) {
    body_ = register_module("body",
                            Chain(convolution(channels, channels, 3, padding), BatchNorm2d(channels), ReLU(),
                                  convolution(channels, channels, 3, padding), BatchNorm2d(channels)));
  }

  Tensor forward(Tensor const& map) { return map + body_->forward(map); }

 private:
  Chain body_{nullptr};
};
TORCH_MODULE(PlainBlock);

}  // namespace

OpganBranchImpl::OpganBranchImpl(OpganOptions const& options, int blocks) {
  int const n = options.width;
  head_ =
      register_module("head", Chain(convolution(options.bands, n, options.kernel, options.padding), ReLU()));
  Chain body;
  for (int block = 0; block < blocks; ++block) body->push_back(PlainBlock(n, options.padding));
  body->push_back(convolution(n, n, 3, options.padding));
  body->push_back(BatchNorm2d(n));
  body_ = register_module("body", body);
}

Tensor OpganBranchImpl::forward(Tensor const& image) {
  Tensor const map = head_->forward(image);
  return body_->forward(map) + map;
}

Opgan::Opgan(OpganOptions const& options)
    : options_(options),
      info_{.name = "opgan",
            .title = "GAN with one prior image pair",
            .citation = "Song, Zhang, Han, Zhang 2022, IEEE TGRS 60, 5528117",
            .evidence = Evidence::third_party_code,
            .form = NetworkForm::one_pair,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = 2 * (options.kernel / 2) + 2 * change_blocks + 1,
            .scaling = "symmetric"} {
  require(options.kernel % 2 == 1, ErrorKind::config,
          "opgan.kernel = " + std::to_string(options.kernel) + " is even. Try 9.");
  auto const head = [&] {
    return convolution(options.width, options.bands, options.kernel, options.padding);
  };
  change_ = register_module("change", OpganBranch(options, change_blocks));
  sensors_ = register_module("sensors", OpganBranch(options, sensor_blocks));
  base_ = register_module("base", OpganBranch(options, base_blocks));
  change_head_ = register_module("change_head", head());
  image_head_ = register_module("image_head", head());
}

std::pair<Tensor, Tensor> Opgan::features(NetworkInput const& input) {
  Tensor const change = change_->forward(input.coarse_target - input.coarse_before) +
                        sensors_->forward(input.fine_before - input.coarse_before);
  return {change, change + base_->forward(input.fine_before)};
}

Tensor Opgan::predict(NetworkInput const& input) {
  return image_head_(features(input).second).tanh();
}

std::vector<Tensor> Opgan::predict_all(NetworkInput const& input) {
  auto const [change, all] = features(input);
  return {image_head_(all).tanh(), input.fine_before + change_head_(change).tanh()};
}

std::shared_ptr<Discriminator> Opgan::make_discriminator() const {
  return std::make_shared<ImageDiscriminator>(info_.bands);
}

NetworkEntry opgan_entry() {
  return {
      .summary = "three stacks of residual blocks: coarse change, difference of the sensors, fine image",
      .evidence = Evidence::third_party_code,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        bool const zeros = options.choice("padding", {"zeros", "replicate"}) == "zeros";
        return std::make_shared<Opgan>(OpganOptions{.bands = shape.bands,
                                                    .width = options.integer("width", 1, 1024),
                                                    .kernel = options.integer("kernel", 1, 31),
                                                    .padding = zeros ? Padding::zeros : Padding::replicate});
      }};
}

}  // namespace stfcube::nn
