#include "stfcube/models/nn/networks/srsfgan.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/map_discriminator.hpp"
#include "stfcube/models/nn/layers/map_statistics.hpp"
#include "stfcube/models/nn/layers/sizes.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {

using torch::Tensor;
using torch::nn::LeakyReLU;

namespace {

constexpr int reduction = 8;  ///< of the coarse image before the network reads it

std::vector<OptionSpec> const specs = {
    {"reduction", "centres",
     "where the coarse image is sampled: centres: of cells of 8 x 8 pixels, so that blocks agree; corners: "
     "as "
     "published, dependent on the size of the patch"},
    {"width", "64", "channels of the pyramids, a multiple of 16"},
};

std::string numbered(std::string name, std::size_t number) {
  return name.append(std::to_string(number));
}

/// Two convolutions and what entered them, then the activation.
class ShortBlockImpl : public torch::nn::Module {
 public:
  explicit ShortBlockImpl(int channels) {
    body_ = register_module(
        "body", Chain(convolution(channels, channels, 3), LeakyReLU(), convolution(channels, channels, 3)));
  }

  Tensor forward(Tensor const& map) { return torch::leaky_relu(body_->forward(map) + map); }

 private:
  Chain body_{nullptr};
};
TORCH_MODULE(ShortBlock);

/// A convolution in a chain of its own, named "body" as in the published code.
class BodyImpl : public torch::nn::Module {
 public:
  explicit BodyImpl(torch::nn::Conv2d const& convolution) {
    body_ = register_module("body", Chain(convolution));
  }

  Tensor forward(Tensor const& map) { return body_->forward(map); }

 private:
  Chain body_{nullptr};
};
TORCH_MODULE(Body);

}  // namespace

/// A factor 0..1 per channel from the mean of the whole map.
class MeanGateImpl : public torch::nn::Module {
 public:
  explicit MeanGateImpl(int channels) {
    int const narrow = channels / 16;
    for (int const dilation : {3, 5, 7}) {
      branches_.emplace_back(convolution(channels, narrow, 3, Padding::zeros, 1, dilation));
      register_module(numbered("c", branches_.size()), branches_.back());
    }
    join_ = register_module("c4", Body(convolution(3 * narrow, channels, 3)));
  }

  Tensor forward(Tensor const& map) {
    Tensor const mean = map_statistics(map, Wanted::mean).mean;
    std::vector<Tensor> parts;
    for (auto& branch : branches_) parts.push_back(torch::leaky_relu(branch->forward(mean)));
    return map * join_->forward(torch::cat(parts, 1)).sigmoid();
  }

 private:
  std::vector<Body> branches_;
  Body join_{nullptr};
};

/// Three blocks, each of which reads all that came before, joined and gated by channel.
class AttentiveBlockImpl : public torch::nn::Module {
 public:
  explicit AttentiveBlockImpl(int channels) {
    for (int const times : {1, 2, 4}) {
      blocks_.emplace_back(times * channels);
      register_module(numbered("r", blocks_.size()), blocks_.back());
    }
    join_ = register_module("g", Body(convolution(8 * channels, channels, 1)));
    gate_ = register_module("ca", std::make_shared<MeanGateImpl>(channels));
  }

  Tensor forward(Tensor const& map) {
    Tensor all = map;
    for (auto& block : blocks_) all = torch::cat({all, block->forward(all)}, 1);
    return gate_->forward(torch::leaky_relu(join_->forward(all)));
  }

 private:
  std::vector<ShortBlock> blocks_;
  Body join_{nullptr};
  std::shared_ptr<MeanGateImpl> gate_;
};

/// Mixes two maps by their difference, at the pixel and in the mean of the whole map.
class DifferenceGateImpl : public torch::nn::Module {
 public:
  explicit DifferenceGateImpl(int channels) {
    using torch::nn::BatchNorm2d;
    local_ = register_module("local_att", Chain(convolution(channels, 1, 1), BatchNorm2d(1)));
    from_mean_ = convolution(channels, 1, 1);
    mean_norm_ = BatchNorm2d(1);
    register_module("global_att", Chain(torch::nn::Identity(), from_mean_, mean_norm_));
  }

  Tensor forward(Tensor const& fine, Tensor const& coarse) {
    Tensor const difference = (fine - coarse).abs();
    Tensor const mean = map_statistics(difference, Wanted::mean).mean;
    Tensor const weight = (local_->forward(difference) + normalised(from_mean_(mean))).sigmoid();
    return fine * (1 - weight) + coarse * weight;
  }

 private:
  /// Of one value per sample; a single sample is normalised by the averages, in training as well.
  Tensor normalised(Tensor const& values) {
    if (values.size(0) > 1) return mean_norm_(values);
    return torch::batch_norm(values, mean_norm_->weight, mean_norm_->bias, mean_norm_->running_mean,
                             mean_norm_->running_var, false, 0.1, mean_norm_->options.eps(), false);
  }

  Chain local_{nullptr};
  torch::nn::Conv2d from_mean_{nullptr};
  torch::nn::BatchNorm2d mean_norm_{nullptr};
};

Srsfgan::Srsfgan(SrsfganOptions const& options)
    : options_(options),
      info_{.name = "srsfgan",
            .title = "Super-resolution based spatial fusion with a GAN",
            .citation = "Zhao, Ji, Su, Zhao, Shi 2023, IEEE TGRS 61, 5406019",
            .evidence = Evidence::third_party_code,
            .form = NetworkForm::fine_and_target,
            .path = options.corners ? InferencePath::lattice : InferencePath::scene_statistics,
            .bands = options.bands,
            .radius_px = 134,
            .align_px = reduction} {
  int const n = options.width, bands = options.bands;
  require(n % 16 == 0, ErrorKind::config,
          "srsfgan.width = " + std::to_string(n) + " is not a multiple of 16. Try 64.");
  halve_ = register_module("Maxpool", convolution(n, n, 3, Padding::zeros, 2));
  first_decoder_ = register_module("renet", std::make_shared<AttentiveBlockImpl>(n));
  decoder_ = Chain(convolution(2 * n, n, 1));
  decoder_->push_back(std::make_shared<AttentiveBlockImpl>(n));
  register_module("re", decoder_);
  enlarge_ = register_module(
      "Upsample", torch::nn::ConvTranspose2d(
                      torch::nn::ConvTranspose2dOptions(n, n, 3).stride(2).padding(1).output_padding(1)));
  register_module("head", convolution(4, n, 1));  // unused, but part of published weights
  head_ = register_module("head1", convolution(bands, n, 1));
  tail_ = register_module("tail", convolution(n, bands, 1));
  for (std::size_t level = 1; level <= 4; ++level) {
    fine_levels_.push_back(register_module(numbered("downlandsat", level), Chain(ShortBlock(n))));
    coarse_levels_.push_back(register_module(numbered("upmodis", level), Chain(ShortBlock(n))));
  }
  gate_ = std::make_shared<DifferenceGateImpl>(n);
  auto const fusion = std::make_shared<torch::nn::Module>();
  fusion->register_module("CA", gate_);
  register_module("fusionblock", fusion);
}

std::vector<Tensor> Srsfgan::fine_pyramid(Tensor const& fine) {
  std::vector<Tensor> levels{fine_levels_[0]->forward(head_(fine))};
  for (std::size_t level = 1; level < 4; ++level)
    levels.push_back(fine_levels_[level]->forward(halve_(levels.back())));
  return levels;
}

std::vector<Tensor> Srsfgan::coarse_pyramid(Tensor const& coarse) {
  namespace functional = torch::nn::functional;
  auto const sampling =
      functional::InterpolateFuncOptions()
          .size(std::vector<std::int64_t>{coarse.size(2) / reduction, coarse.size(3) / reduction})
          .mode(torch::kBicubic)
          .align_corners(options_.corners);
  std::vector<Tensor> levels{coarse_levels_[0]->forward(head_(functional::interpolate(coarse, sampling)))};
  for (std::size_t level = 1; level < 4; ++level)
    levels.push_back(coarse_levels_[level]->forward(enlarge_(levels.back())));
  return levels;
}

std::pair<Tensor, Tensor> Srsfgan::forward(Tensor const& fine_reference, Tensor const& coarse_target) {
  auto const fine = fine_pyramid(fine_reference), coarse = coarse_pyramid(coarse_target);
  std::vector<Tensor> fused;
  for (std::size_t level = 0; level < 4; ++level)
    fused.push_back(gate_->forward(fine[3 - level], coarse[level]));
  Tensor map = first_decoder_->forward(fused[0]);
  for (std::size_t level = 1; level < 4; ++level)
    map = decoder_->forward(torch::cat({enlarge_(map), fused[level]}, 1));
  return {tail_(map), tail_(coarse[3])};
}

std::vector<Tensor> Srsfgan::predict_all(NetworkInput const& input) {
  auto const [image, side] =
      forward(filled_up(input.fine_before, reduction), filled_up(input.coarse_target, reduction));
  return {cut_to(image, input.fine_before), cut_to(side, input.fine_before)};
}

Tensor Srsfgan::predict(NetworkInput const& input) {
  return predict_all(input).front();
}

std::shared_ptr<Discriminator> Srsfgan::make_discriminator() const {
  return std::make_shared<MapDiscriminator>(info_.bands);
}

NetworkEntry srsfgan_entry() {
  return {.summary = "pyramids of a fine image and of the coarse one, mixed level by level; heavy",
          .evidence = Evidence::third_party_code,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Srsfgan>(
                SrsfganOptions{.bands = shape.bands,
                               .width = options.integer("width", 16, 1024),
                               .corners = options.choice("reduction", {"centres", "corners"}) == "corners"});
          }};
}

}  // namespace stfcube::nn
