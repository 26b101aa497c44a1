#include "stfcube/models/nn/networks/incnet.hpp"

#include <array>

#include "stfcube/models/nn/layers/box_mean.hpp"
#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

constexpr std::array dilations{1, 2, 4, 8, 4, 2, 1};
constexpr std::size_t cross_band_layer = 3;  // the bands' mean joins after so many layers
constexpr int features = 10;
constexpr double least_scale = 2e-3;  // keeps constant surroundings from being blown up

std::vector<OptionSpec> const specs = {
    {"width", "16", "channels of the hidden layers"},
    {"window", "33", "side of the window that gives the local scale, odd, px"},
};

/// [N, B, H, W] -> [N B, 1, H, W].
Tensor by_band(Tensor const& image) {
  return image.reshape({-1, 1, image.size(2), image.size(3)});
}

/// One number for every patch, as [N B, 1, 1, 1].
Tensor by_band(Tensor const& numbers, std::int64_t bands) {
  return numbers.repeat_interleave(bands).reshape({-1, 1, 1, 1});
}

}  // namespace

Incnet::Incnet(IncnetOptions const& options)
    : options_(options),
      info_{.name = "incnet",
            .title = "Increment network",
            .citation = "stfcube documentation, docs/methods/incnet.md",
            .evidence = Evidence::own,
            .form = NetworkForm::two_pairs,
            .path = InferencePath::local,
            .bands = options.bands,
            .any_bands = true,
            .one_sided = true} {
  first_ = register_module("first", convolution(features, options.width, 3));
  info_.radius_px = 1 + 2 * (options.window / 2);
  for (std::size_t i = 0; i < dilations.size(); ++i) {
    body_.push_back(
        register_module("body" + std::to_string(i),
                        convolution(options.width, options.width, 3, Padding::zeros, 1, dilations[i])));
    info_.radius_px += dilations[i];
  }
  across_ = register_module("across", convolution(options.width, options.width, 1));
  last_ = register_module("last", convolution(options.width, 3, 1));
  torch::NoGradGuard const fixed;
  last_->weight.zero_();
  last_->bias.zero_();
}

Tensor Incnet::predict(NetworkInput const& input) {
  auto const bands = input.fine_before.size(1);
  Tensor const fine_before = by_band(input.fine_before), fine_after = by_band(input.fine_after);
  Tensor const coarse = by_band(input.coarse_target);
  Tensor const change_before = coarse - by_band(input.coarse_before),
               change_after = coarse - by_band(input.coarse_after);
  Tensor const days_before = by_band(input.days_before, bands), days_after = by_band(input.days_after, bands);
  Tensor const share = days_before / (days_before + days_after).clamp_min(1);

  Tensor const fine_change = fine_after - fine_before, coarse_change = change_before - change_after;
  Tensor const line = fine_before + share * fine_change;
  Tensor const departure = (1 - share) * change_before + share * change_after;
  Tensor const disagreement = fine_change - coarse_change;
  int const radius = options_.window / 2;
  Tensor const images = torch::cat({fine_before, fine_after, coarse}, 1),
               textures = images - box_mean(images, radius);
  Tensor const texture_before = textures.narrow(1, 0, 1), texture_after = textures.narrow(1, 1, 1);

  Tensor const scale = box_mean((change_before.abs() + change_after.abs() + fine_change.abs() +
                                 0.5 * (texture_before.abs() + texture_after.abs())) /
                                    3,
                                radius) +
                       least_scale;
  Tensor const one = torch::ones_like(scale);
  Tensor x = torch::cat({texture_before / scale, texture_after / scale, change_before / scale,
                         change_after / scale, fine_change / scale, departure / scale, disagreement / scale,
                         textures.narrow(1, 2, 1) / scale, share * one,
                         torch::log1p((days_before + days_after) / 16) * one},
                        1)
                 .contiguous(torch::MemoryFormat::ChannelsLast);
  x = torch::relu(first_(x));
  for (std::size_t i = 0; i < body_.size(); ++i) {
    if (i == cross_band_layer) {
      Tensor const mean = x.reshape({-1, bands, x.size(1), x.size(2), x.size(3)}).mean(1);
      x = x + across_(mean).repeat_interleave(bands, 0);
    }
    x = x + torch::relu(body_[i](x));
  }
  x = last_(x);
  Tensor const predicted = line + (1 + x.narrow(1, 0, 1)) * departure + x.narrow(1, 1, 1) * disagreement +
                           x.narrow(1, 2, 1) * scale;
  return predicted.reshape(input.fine_before.sizes());
}

NetworkEntry incnet_entry() {
  return {.summary =
              "stfcube's own: the increment method, corrected per pixel by what its surroundings say; any "
              "bands, weights ship",
          .evidence = Evidence::own,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Incnet>(IncnetOptions{.bands = shape.bands,
                                                          .width = options.integer("width", 1, 1024),
                                                          .window = options.integer("window", 3, 257) | 1});
          }};
}

}  // namespace stfcube::nn
