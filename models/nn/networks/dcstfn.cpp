#include "stfcube/models/nn/networks/dcstfn.hpp"

#include <algorithm>

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/sizes.hpp"

namespace stfcube::nn {
namespace {

std::vector<OptionSpec> const specs = {
    {"width", "32", "channels of the first layer; the next ones have two and four times as many"},
    {"cell", "0",
     "side of a coarse pixel inside the network in fine pixels: 4, 8, 16, 32 or 64; 0: the largest of them "
     "within the ratio of the sensors"},
    {"by_band", "false",
     "true: the published form, one network of a single band, applied to each band with the same weights"},
};

/// Doubles the size. The first 2n values of the full transposed convolution, as Keras has it: a pixel reaches
/// its own and the next two.
class DoublingImpl : public torch::nn::Module {
 public:
  DoublingImpl(int in, int out)
      : layer_(register_module(
            "layer", torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(in, out, 3).stride(2)))) {}

  torch::Tensor forward(torch::Tensor const& input) {
    return layer_->forward(input).narrow(2, 0, 2 * input.size(2)).narrow(3, 0, 2 * input.size(3));
  }

 private:
  torch::nn::ConvTranspose2d layer_;
};
TORCH_MODULE(Doubling);

/// Pixels of one axis.
struct Reach {
  int first, last;
};

int halved_down(int index) {
  return index >= 0 ? index / 2 : -((1 - index) / 2);
}

/// What a doubled map's pixels depend on.
Reach before_doubling(Reach reach) {
  return {halved_down(reach.first - 1), halved_down(reach.last)};
}

int distance(Reach reach, int pixel) {
  return std::max(pixel - reach.first, reach.last - pixel);
}

/// The fine image is halved once and seen through two convolutions on each side of that; coarse images are
/// seen through two on their own grid and one on the halved.
int radius_of(int cell) {
  int radius = 0;
  for (int pixel = 0; pixel < cell; ++pixel) {
    Reach const half = before_doubling({pixel, pixel});
    radius = std::max(radius, distance({2 * (half.first - 2) - 2, 2 * (half.last + 2) + 1 + 2}, pixel));
    Reach coarse{half.first - 1, half.last + 1};
    for (int size = cell / 2; size > 1; size /= 2) coarse = before_doubling(coarse);
    radius = std::max(radius, distance({cell * (coarse.first - 2), cell * (coarse.last + 3) - 1}, pixel));
  }
  return radius;
}

void initialise(torch::nn::Module& network) {
  torch::NoGradGuard const fixed;
  for (auto& item : network.named_parameters()) {
    if (item.key().ends_with("bias"))
      item.value().zero_();
    else
      torch::nn::init::kaiming_normal_(item.value());
  }
}

int cell_within(int ratio) {
  int cell = 4;
  while (cell < 64 && 2 * cell <= ratio) cell *= 2;
  return cell;
}

int cell_of(NetworkShape const& shape, ModelOptions const& options) {
  int const cell = std::stoi(options.choice("cell", {"0", "4", "8", "16", "32", "64"}));
  return cell == 0 ? cell_within(shape.ratio) : cell;
}

}  // namespace

Dcstfn::Dcstfn(DcstfnOptions const& options)
    : options_(options),
      info_{.name = "dcstfn",
            .title = "Deep convolutional spatiotemporal fusion network",
            .citation = "Tan, Yue, Di, Tang 2018, Remote Sensing 10(7), 1066",
            .evidence = Evidence::published_code,
            .form = NetworkForm::one_pair,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = radius_of(options.cell),
            .align_px = options.cell} {
  using torch::nn::ReLU;
  int const n = options.width, bands = options.by_band ? 1 : options.bands;
  fine_features_ =
      register_module("fine", Chain(convolution(bands, n, 3), ReLU(), convolution(n, 2 * n, 3), ReLU(),
                                    torch::nn::MaxPool2d(2), convolution(2 * n, 2 * n, 3), ReLU(),
                                    convolution(2 * n, 4 * n, 3), ReLU()));
  coarse_features_ =
      register_module("coarse", Chain(convolution(bands, n, 3), ReLU(), convolution(n, 2 * n, 3), ReLU()));
  for (int size = options.cell / 2; size > 1; size /= 2) coarse_features_->push_back(Doubling(2 * n, 2 * n));
  coarse_features_->push_back(convolution(2 * n, 4 * n, 3));
  coarse_features_->push_back(ReLU());
  decoder_ = register_module("decoder", Chain(Doubling(4 * n, 2 * n), ReLU(), convolution(2 * n, n, 1),
                                              ReLU(), convolution(n, bands, 1)));
  initialise(*this);
}

torch::Tensor Dcstfn::forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                              torch::Tensor const& coarse_target) {
  auto const apart = [&](torch::Tensor const& image) {
    return options_.by_band ? image.reshape({-1, 1, image.size(2), image.size(3)}) : image;
  };
  auto const features = fine_features_->forward(apart(fine_reference)) -
                        coarse_features_->forward(apart(coarse_reference)) +
                        coarse_features_->forward(apart(coarse_target));
  return decoder_->forward(features).reshape(fine_reference.sizes());
}

torch::Tensor Dcstfn::predict(NetworkInput const& input) {
  auto const filled = [&](torch::Tensor const& image) { return filled_up(image, options_.cell); };
  auto const coarse = [&](torch::Tensor const& image) {
    return torch::avg_pool2d(filled(image), options_.cell);
  };
  auto const prediction =
      forward(coarse(input.coarse_before), filled(input.fine_before), coarse(input.coarse_target));
  return cut_to(prediction, input.fine_before);
}

NetworkEntry dcstfn_entry() {
  return {
      .summary =
          "enlarges the change of coarse images from their own grid by transposed convolutions and adds it "
          "to the features of the fine one",
      .evidence = Evidence::published_code,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        return std::make_shared<Dcstfn>(DcstfnOptions{.bands = shape.bands,
                                                      .width = options.integer("width", 1, 1024),
                                                      .cell = cell_of(shape, options),
                                                      .by_band = options.flag("by_band")});
      }};
}

}  // namespace stfcube::nn
