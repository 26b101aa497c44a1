#include "stfcube/models/nn/networks/stfdcnn.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/resize.hpp"
#include "stfcube/models/nn/layers/sizes.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

constexpr int stage_radius = 8;
constexpr double closeness_floor = 1e-6, least_value = 0.01, least_ratio = 0.2, greatest_ratio = 5;

std::vector<OptionSpec> const specs = {
    {"injection", "additive",
     "additive: the change between the transition images is added | modulation: details are scaled by their "
     "ratio"},
    {"per_band", "false", "bands go one by one through networks of one band"},
    {"reduction", "4", "the first stage works on a grid so many times coarser than the fine one"},
};

/// How far a pixel sees through both stages: eight pixels at full size, the neighbour that the enlargement
/// reads, and eight cells.
int radius_px(int reduction) {
  // At the middle of a cell, which odd reductions have, rounding decides whether the neighbour counts.
  double const rounding = reduction > 1 ? 1e-3 : 0;
  int radius = stage_radius;
  for (int phase = 0; phase < reduction; ++phase) {
    double const place = (phase - stage_radius + 0.5) / reduction - 0.5;
    int const cell = static_cast<int>(std::floor(place - rounding)) - stage_radius;
    radius = std::max(radius, phase - cell * reduction);
  }
  return radius;
}

Tensor reduced(Tensor const& image, int reduction) {
  return torch::avg_pool2d(image, reduction);
}

/// What one date knows: the transition image, which looks alike on all dates, and the image itself.
struct Known {
  Tensor transition, image;
};

/// The image of the target date as one pair gives it.
Tensor carried(Known const& pair, Tensor const& target, StfdcnnInjection injection) {
  if (injection == StfdcnnInjection::additive) return pair.image + (target - pair.transition);
  Tensor const ratio = (target / pair.transition.clamp_min(least_value)).clamp(least_ratio, greatest_ratio);
  return target + ratio * (pair.image - pair.transition);
}

/// Both pairs by the inverse distance of their transition images from the target's, per pixel and band.
Tensor fused(Known const& before, Known const& after, Tensor const& target, StfdcnnInjection injection) {
  Tensor const distance_before = (target - before.transition).abs() + closeness_floor;
  Tensor const distance_after = (target - after.transition).abs() + closeness_floor;
  Tensor const share = distance_after / (distance_before + distance_after);
  return share * carried(before, target, injection) + (1 - share) * carried(after, target, injection);
}

}  // namespace

StfdcnnStageImpl::StfdcnnStageImpl(int bands) : bands_(bands) {
  using torch::nn::ReLU;
  layers_ = register_module(
      "layers", torch::nn::Sequential(convolution(bands, 64, 9), ReLU(), convolution(64, 32, 5), ReLU(),
                                      convolution(32, bands, 5)));
}

Tensor StfdcnnStageImpl::forward(Tensor const& image) {
  Tensor const planes = image.reshape({-1, bands_, image.size(-2), image.size(-1)});
  return image + layers_->forward(planes).reshape(image.sizes());
}

Stfdcnn::Stfdcnn(StfdcnnOptions const& options)
    : options_(options),
      info_{.name = "stfdcnn",
            .title = "Spatiotemporal fusion by deep convolutional networks in two stages",
            .citation = "Song, Liu, Wang, Hang, Huang 2018, IEEE JSTARS 11(3), 821-829",
            .evidence = Evidence::third_party_code,
            .form = NetworkForm::two_pairs,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = nn::radius_px(options.reduction),
            .align_px = options.reduction} {
  int const bands = options.per_band ? 1 : options.bands;
  mapping_ = register_module("mapping", StfdcnnStage(bands));
  enlargement_ = register_module("enlargement", StfdcnnStage(bands));
}

std::vector<Tensor> Stfdcnn::predict_all(NetworkInput const& input) {
  int const q = options_.reduction;
  auto const small_transition = [&](Tensor const& coarse) { return mapping_->forward(reduced(coarse, q)); };
  auto const transition = [&](Tensor const& small) { return enlargement_->forward(enlarged(small, q)); };
  Tensor const small_before = reduced(input.fine_before, q), small_after = reduced(input.fine_after, q);
  Tensor const small = fused({small_transition(input.coarse_before), small_before},
                             {small_transition(input.coarse_after), small_after},
                             small_transition(input.coarse_target), options_.injection);
  Tensor const fine =
      fused({transition(small_before), input.fine_before}, {transition(small_after), input.fine_after},
            transition(small), options_.injection);
  return {fine, small};
}

Tensor Stfdcnn::predict(NetworkInput const& input) {
  NetworkInput whole = input;
  for (Tensor* const image : {&whole.coarse_target, &whole.coarse_before, &whole.fine_before,
                              &whole.coarse_after, &whole.fine_after})
    *image = filled_up(*image, options_.reduction);
  return cut_to(predict_all(whole).front(), input.coarse_target);
}

NetworkEntry stfdcnn_entry() {
  return {.summary = "two stages of three convolutions, each followed by a fusion with both pairs",
          .evidence = Evidence::third_party_code,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Stfdcnn>(StfdcnnOptions{
                .bands = shape.bands,
                .reduction = options.integer("reduction", 1, 64),
                .per_band = options.flag("per_band"),
                .injection = options.choice("injection", {"additive", "modulation"}) == "modulation"
                                 ? StfdcnnInjection::modulation
                                 : StfdcnnInjection::additive});
          }};
}

}  // namespace stfcube::nn
