#include "stfcube/models/nn/networks/stfnet.hpp"

#include <algorithm>

#include "stfcube/models/nn/layers/coarse_change_weight.hpp"
#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::ReLU;

constexpr int stream_radius = 4 + 2 + 2;

std::vector<OptionSpec> const specs = {
    {"pairs", "2", "reference pairs: 2, or 1: the stream of the earlier pair alone"},
    {"width", "32", "channels of the first layer, even; the second one has half as many"},
    {"per_band", "false", "true: each band by itself with shared weights, so that weights fit any bands"},
    {"window", "3",
     "side, in coarse pixels, of the window whose coarse change decides between the two streams"},
};

Chain stream(StfnetOptions const& options) {
  int const bands = options.per_band ? 1 : options.bands, n = options.width;
  auto last = convolution(n / 2, bands, 5);
  torch::NoGradGuard const fixed;
  last->weight.zero_();
  last->bias.zero_();
  return Chain(convolution(2 * bands, n, 9), ReLU(), convolution(n, n / 2, 5), ReLU(), last);
}

/// Half the side of the window in fine pixels.
int window_radius(StfnetOptions const& options) {
  return options.window * options.ratio / 2;
}

}  // namespace

Stfnet::Stfnet(StfnetOptions const& options)
    : options_(options),
      info_{
          .name = "stfnet",
          .title = "Two-stream network of fine differences",
          .citation = "Liu, Deng, Chanussot, Hong, Zhao 2019, IEEE TGRS 57(9), 6552-6564",
          .evidence = Evidence::third_party_code,
          .form = options.pairs == 2 ? NetworkForm::two_pairs : NetworkForm::one_pair,
          .path = InferencePath::local,
          .bands = options.bands,
          .radius_px = options.pairs == 2 ? std::max(stream_radius, window_radius(options)) : stream_radius} {
  earlier_ = register_module("earlier", stream(options));
  if (options.pairs == 2) later_ = register_module("later", stream(options));
}

Tensor Stfnet::change(Chain& stream, Tensor const& coarse_change, Tensor const& fine) {
  if (!options_.per_band) return stream->forward(torch::cat({coarse_change, fine}, 1));
  auto const bands_as_samples = [](Tensor const& image) { return image.flatten(0, 1).unsqueeze(1); };
  return stream->forward(torch::cat({bands_as_samples(coarse_change), bands_as_samples(fine)}, 1))
      .reshape(fine.sizes());
}

Tensor Stfnet::earlier_change(Tensor const& coarse_change, Tensor const& fine_before) {
  return change(earlier_, coarse_change, fine_before);
}

Tensor Stfnet::later_change(Tensor const& coarse_change, Tensor const& fine_after) {
  return change(later_, coarse_change, fine_after);
}

std::vector<Tensor> Stfnet::predict_all(NetworkInput const& input) {
  Tensor const earlier = input.coarse_target - input.coarse_before;
  Tensor const from_before = input.fine_before + earlier_change(earlier, input.fine_before);
  if (options_.pairs == 1) return {from_before};
  Tensor const later = input.coarse_after - input.coarse_target;
  Tensor const from_after = input.fine_after - later_change(later, input.fine_after);
  Tensor const weight = coarse_change_weight(input.coarse_before, input.coarse_target, input.coarse_after,
                                             window_radius(options_));
  return {weight * from_before + (1 - weight) * from_after, from_before, from_after};
}

Tensor Stfnet::predict(NetworkInput const& input) {
  return predict_all(input).front();
}

NetworkEntry stfnet_entry() {
  return {
      .summary = "three convolutions give the fine change from the coarse one, from each side of the target",
      .evidence = Evidence::third_party_code,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        return std::make_shared<Stfnet>(StfnetOptions{.bands = shape.bands,
                                                      .ratio = shape.ratio,
                                                      .pairs = options.integer("pairs", 1, 2),
                                                      .width = options.integer("width", 2, 1024),
                                                      .per_band = options.flag("per_band"),
                                                      .window = options.integer("window", 1, 15)});
      }};
}

}  // namespace stfcube::nn
